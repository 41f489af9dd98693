-- Keeps how far a reaction has come, for the leader of a term.
--
-- KEYS[1]  the lease: a hash of term, name, beat
-- KEYS[2]  the hash of cursors by the names of reactions
-- ARGV[1]  term of the leader
-- ARGV[2]  name of the reaction
-- ARGV[3]  its cursor
--
-- Replies  ok    it is kept
--          term  nothing was written: the lease is of another term
if redis.call('HGET', KEYS[1], 'term') ~= ARGV[1] then
	return 'term'
end
if redis.call('TYPE', KEYS[2]).ok ~= 'hash' then
	redis.call('UNLINK', KEYS[2])
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return 'ok'
