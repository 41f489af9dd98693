-- Raises the beat of a lease's holder.
--
-- KEYS[1]  the lease: a hash of term, name, beat
-- ARGV[1]  term of the holder
--
-- Replies  ok    the beat is raised
--          term  nothing was written: the lease is not of that term
local lease = redis.call('HMGET', KEYS[1], 'term', 'name')
if lease[1] ~= ARGV[1] or not lease[2] or lease[2] == '' then
	return 'term'
end
redis.call('HINCRBY', KEYS[1], 'beat', '1')
return 'ok'
