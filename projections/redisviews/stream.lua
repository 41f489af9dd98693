-- Looks at a work queue, and at nothing that is in its entries.
--
-- KEYS[1]  the queue: a stream, or nothing, or something else
-- ARGV[1]  the runners' consumer group
--
-- Replies  '1' if the group is there, the number of entries, and the ids of the
--          first entry, of the last one that was ever added and of the first
--          that no runner was given; empty texts for what there is not
if redis.call('TYPE', KEYS[1]).ok ~= 'stream' then
	return {'', '0', '', '', ''}
end
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local top = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local last = ''
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
	if info[i] == 'last-generated-id' then
		last = info[i + 1]
	end
end
if top and (last == '' or last == '0-0') then
	last = top[1]
end
local group, waiting = '', nil
for _, g in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
	local name, delivered
	for i = 1, #g, 2 do
		if g[i] == 'name' then
			name = g[i + 1]
		elseif g[i] == 'last-delivered-id' then
			delivered = g[i + 1]
		end
	end
	if name == ARGV[1] then
		group = '1'
		waiting = redis.call('XRANGE', KEYS[1], '(' .. delivered, '+', 'COUNT', 1)[1]
	end
end
return {
	group, tostring(redis.call('XLEN', KEYS[1])), first and first[1] or '', last, waiting and waiting[1] or '',
}
