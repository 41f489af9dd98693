-- Raises the beat if the log holds a commit, so that a WAIT behind it speaks of
-- that commit and of all before it.
--
-- KEYS[1]  the lease: a hash of term, name, beat
-- KEYS[2]  the log
-- ARGV[1]  term of the holder
-- ARGV[2]  id of the commit's last entry; empty for an empty log
-- ARGV[3]  seal of that entry
--
-- Replies  ok    the beat is raised
--          term  nothing was written: the lease is not of that term
--          end   nothing was written: the log does not have that entry, as when
--                a copy took over that lacked it
local lease = redis.call('HMGET', KEYS[1], 'term', 'name')
if lease[1] ~= ARGV[1] or not lease[2] or lease[2] == '' then
	return 'term'
end
if ARGV[2] .. ARGV[3] ~= '' then
	local entry = ARGV[2] ~= '' and redis.call('XRANGE', KEYS[2], ARGV[2], ARGV[2])[1]
	if not entry or entry[2][4] ~= ARGV[3] then
		return 'end'
	end
end
redis.call('HINCRBY', KEYS[1], 'beat', '1')
return 'ok'
