-- Appends one commit to a partition's log.
--
-- KEYS[1]  the lease: a hash of term, name, beat
-- KEYS[2]  the log: a stream of e (event) and, on a commit's last entry, s (seal)
-- ARGV[1]  term of the leader that appends
-- ARGV[2]  id of the entry that the log ends with; empty for an empty log
-- ARGV[3]  seal of that entry; empty for an empty log
-- ARGV[4]  seal of this commit
-- ARGV[5…] id and event of each entry of this commit
--
-- Replies  ok    the commit is the end of the log, from now on or already
--          term  nothing was written: the lease is not of that term
--          end   nothing was written: the log ends with something else
--
-- Every check stands before the first write. Of the writes only the first can
-- be refused (out of memory, an id that is taken); then there is none.
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
local id, seal = '', ''
if last then
	id, seal = last[1], last[2][4] or ''
end
if id == ARGV[#ARGV - 1] and seal == ARGV[4] then
	return 'ok'
end
local lease = redis.call('HMGET', KEYS[1], 'term', 'name')
if lease[1] ~= ARGV[1] or not lease[2] or lease[2] == '' then
	return 'term'
end
if id ~= ARGV[2] or seal ~= ARGV[3] then
	return 'end'
end
local call, log, args = redis.call, KEYS[2], ARGV -- globals are looked up each time: 0.4 us an event
for i = 5, #args - 3, 2 do
	call('XADD', log, args[i], 'e', args[i + 1])
end
call('XADD', log, args[#args - 1], 'e', args[#args], 's', args[4])
return 'ok'
