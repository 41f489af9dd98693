-- Finds entries that were given to a consumer and that nobody holds, because
-- somebody acknowledged them, or removed the consumer.
--
-- KEYS[1]  the queue: a stream
-- ARGV[1]  the runners' consumer group
-- ARGV[2]  id behind which to begin
-- ARGV[3]  how many entries to look at
--
-- Replies  the id behind which to go on, empty at the end; then the entries
if redis.call('TYPE', KEYS[1]).ok ~= 'stream' then
	return {''}
end
local delivered
for _, g in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
	local info = {}
	for i = 1, #g, 2 do
		info[g[i]] = g[i + 1]
	end
	if info.name == ARGV[1] then
		delivered = info['last-delivered-id']
	end
end
if not delivered then
	return {''}
end
local found = {''}
local entries = redis.call('XRANGE', KEYS[1], '(' .. ARGV[2], delivered, 'COUNT', ARGV[3])
for _, entry in ipairs(entries) do
	if #redis.call('XPENDING', KEYS[1], ARGV[1], entry[1], entry[1], 1) == 0 then
		found[#found + 1] = entry[1]
	end
end
if #entries == tonumber(ARGV[3]) then
	found[1] = entries[#entries][1]
end
return found
