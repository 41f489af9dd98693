-- Returns ids of a stream's entries, and nothing of what is in them.
--
-- KEYS[1]  the queue: a stream
-- ARGV[1]  id behind which to begin
-- ARGV[2]  how many at most
--
-- Replies  the ids in order
local ids = {}
for i, entry in ipairs(redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2])) do
	ids[i] = entry[1]
end
return ids
