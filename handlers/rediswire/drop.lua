-- Removes what was taken from the inbox, for the leader of a term.
--
-- KEYS[1]  the lease: a hash of term, name, beat
-- KEYS[2]  the inbox: a stream
-- ARGV[1]  term of the leader
-- ARGV[2]  the lowest id that stays; empty if the stream goes as a whole
--
-- Replies  ok    everything below is gone
--          term  nothing was written: the lease is not of that term
if redis.call('HGET', KEYS[1], 'term') ~= ARGV[1] then
	return 'term'
end
if ARGV[2] == '' then
	redis.call('UNLINK', KEYS[2])
else
	redis.call('XTRIM', KEYS[2], 'MINID', ARGV[2])
end
return 'ok'
