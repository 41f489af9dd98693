-- Takes a partition's lease if it is still as it was seen.
--
-- KEYS[1]  the lease: a hash of term, name, beat
-- KEYS[2]  the position of the projections: a hash; its term fences them
-- ARGV[1…3] term, name, beat as seen; 0, empty, 0 where there is no lease
-- ARGV[4…6] term, name, beat of the new holder
--
-- Replies  ok    the lease is the new holder's, and the position bears its term
--          held  nothing was written: the lease is not as it was seen
--
-- Every check stands before the first write; the read of the position finds out
-- that it is a hash.
redis.call('HGET', KEYS[2], 'term')
local lease = redis.call('HMGET', KEYS[1], 'term', 'name', 'beat')
if (lease[1] or '0') ~= ARGV[1] or (lease[2] or '') ~= ARGV[2] or (lease[3] or '0') ~= ARGV[3] then
	return 'held'
end
redis.call('HSET', KEYS[1], 'term', ARGV[4], 'name', ARGV[5], 'beat', ARGV[6])
redis.call('HSET', KEYS[2], 'term', ARGV[4])
return 'ok'
