-- Takes over what a consumer holds, the oldest entries first. It compares no
-- clocks: that the consumer is gone is the caller's to know, and whoever comes
-- second finds nothing. Entries that were deleted leave the list of what is held.
--
-- KEYS[1]  the stream
-- ARGV[1]  the consumer group
-- ARGV[2]  the consumer that holds them
-- ARGV[3]  the consumer that takes them, which may be the same
-- ARGV[4]  how many at most
--
-- Replies  for each entry: id, how often it was delivered before, and its fields
local taken = {}
for _, held in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[4], ARGV[2])) do
	local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, held[1])[1]
	if entry and entry[2] then
		taken[#taken + 1] = {entry[1], held[4], entry[2]}
	else
		redis.call('XACK', KEYS[1], ARGV[1], held[1])
	end
end
return taken
