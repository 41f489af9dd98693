-- Removes consumers of processes that are gone and hold nothing. One that lives
-- after all is made again by its next read.
--
-- KEYS[1]  the queue: a stream
-- ARGV[1]  the runners' consumer group
-- ARGV[2]  for how many milliseconds nothing was heard of a process that is gone
--
-- Replies  how many were removed
local removed = 0
for _, c in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
	local info = {}
	for i = 1, #c, 2 do
		info[c[i]] = c[i + 1]
	end
	if info.pending == 0 and info.idle >= tonumber(ARGV[2]) then
		redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], info.name)
		removed = removed + 1
	end
end
return removed
