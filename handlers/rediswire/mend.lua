-- Removes what stands under the key of a stream and is none, for the leader of a
-- term.
--
-- KEYS[1]  the lease: a hash of term, name, beat
-- KEYS[2]  the stream
-- ARGV[1]  term of the leader
--
-- Replies  ok    there is a stream, or nothing
--          term  nothing was written: the lease is not of that term
if redis.call('HGET', KEYS[1], 'term') ~= ARGV[1] then
	return 'term'
end
local kind = redis.call('TYPE', KEYS[2]).ok
if kind ~= 'stream' and kind ~= 'none' then
	redis.call('UNLINK', KEYS[2])
end
return 'ok'
