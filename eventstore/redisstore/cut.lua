-- Removes entries from the end of a partition's log, at most so many.
--
-- KEYS[1]  the lease: a hash of term, name, beat
-- KEYS[2]  the log
-- ARGV[1]  term of whoever removes
-- ARGV[2]  id of the entry that the log is to end with
-- ARGV[3]  seal of that entry
-- ARGV[4]  how many entries to remove at most
--
-- Replies  ok    the log ends with that entry, and takes the next one behind it
--          more  entries were removed, and there are more
--          term  nothing was written: the lease is not of that term
--          end   nothing was written: the log does not have that entry, or goes
--                on behind it in this term already: the cut was made, and this
--                is the same request once more, late
local lease = redis.call('HMGET', KEYS[1], 'term', 'name')
if lease[1] ~= ARGV[1] or not lease[2] or lease[2] == '' then
	return 'term'
end
local last = redis.call('XRANGE', KEYS[2], ARGV[2], ARGV[2])[1]
if not last or last[2][4] ~= ARGV[3] then
	return 'end'
end
local behind = redis.call('XREVRANGE', KEYS[2], '+', '(' .. ARGV[2], 'COUNT', ARGV[4])
for _, entry in ipairs(behind) do
	if entry[2][4] and string.match(entry[2][4], '^1%.(%d+)%.') == ARGV[1] then
		return 'end'
	end
end
for _, entry in ipairs(behind) do
	redis.call('XDEL', KEYS[2], entry[1])
end
if #behind == tonumber(ARGV[4]) then
	return 'more'
end
redis.call('XSETID', KEYS[2], ARGV[2])
return 'ok'
