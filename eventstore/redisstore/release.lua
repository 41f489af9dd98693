-- Gives a lease back. The term stays, so that the next one is above it.
--
-- KEYS[1]  the lease: a hash of term, name, beat
-- ARGV[1]  term of the holder
--
-- Replies  ok    nobody holds the lease, from now on or already
--          term  nothing was written: the lease is of another term
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' or redis.call('HGET', KEYS[1], 'term') ~= ARGV[1] then
	return 'term'
end
redis.call('HSET', KEYS[1], 'name', '', 'beat', '0')
return 'ok'
