-- Removes what stands under keys of streams and is none.
--
-- KEYS     the streams
--
-- Replies  the numbers of the keys that were removed, from 1 on
local removed = {}
for i, key in ipairs(KEYS) do
	local kind = redis.call('TYPE', key).ok
	if kind ~= 'stream' and kind ~= 'none' then
		redis.call('UNLINK', key)
		removed[#removed + 1] = i
	end
end
return removed
