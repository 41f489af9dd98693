-- Raises the beat of a lease's holder.
--
-- KEYS[1]  the lease: a hash of term, name, beat
-- ARGV[1]  term of the holder
--
-- Replies  ok    the beat is raised; one that was no number begins anew
--          term  nothing was written: the lease is not of that term
local lease = redis.pcall('HMGET', KEYS[1], 'term', 'name', 'beat')
if lease.err then -- no hash
	return 'term'
end
if lease[1] ~= ARGV[1] or not lease[2] or lease[2] == '' then
	return 'term'
end
if lease[3] and (#lease[3] > 18 or lease[3] ~= '0' and not lease[3]:match('^[1-9]%d*$')) then
	redis.call('HSET', KEYS[1], 'beat', '0')
end
redis.call('HINCRBY', KEYS[1], 'beat', '1')
return 'ok'
