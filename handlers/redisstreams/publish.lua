-- Adds messages to a stream as long as a term lasts: all of them or none.
--
-- KEYS[1]  the lease: a hash with a field term
-- KEYS[2]  the stream
-- ARGV[1]  the term
-- ARGV[2]  about how many entries the stream keeps; 0 for all
-- ARGV[3]  how many names and values an entry has
-- ARGV[4…] the names and values of each entry
--
-- Replies  ok    they are at the end of the stream
--          term  nothing was written: the lease is of another term
--
-- Of the writes only the first can be refused; then there is none.
if redis.call('HGET', KEYS[1], 'term') ~= ARGV[1] then
	return 'term'
end
local n = tonumber(ARGV[3])
for i = 4, #ARGV, n do
	if ARGV[2] == '0' then
		redis.call('XADD', KEYS[2], '*', unpack(ARGV, i, i + n - 1))
	else
		redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', unpack(ARGV, i, i + n - 1))
	end
end
return 'ok'
