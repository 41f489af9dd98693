-- Finds out which entries are not in a stream.
--
-- KEYS[1]  the queue: a stream
-- ARGV     ids, at most 500
--
-- Replies  those of them that are not there
local missing = {}
for _, id in ipairs(ARGV) do
	if #redis.call('XRANGE', KEYS[1], id, id) == 0 then
		missing[#missing + 1] = id
	end
end
return missing
