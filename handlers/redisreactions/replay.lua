-- Moves a message from the poison queue to the stream from which its handler
-- takes it once more.
--
-- KEYS[1]  the poison queue: a stream
-- KEYS[2]  the handler's stream
-- ARGV[1]  id of the message
-- ARGV[2]  what begins the names of those fields that are the message
--
-- Replies  1 if it was there, else 0
--
-- Of the writes only the first can be refused; then there is none.
local entry = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not entry then
	return 0
end
local fields = {}
for i = 1, #entry[2], 2 do
	if string.sub(entry[2][i], 1, #ARGV[2]) == ARGV[2] then
		fields[#fields + 1] = string.sub(entry[2][i], #ARGV[2] + 1)
		fields[#fields + 1] = entry[2][i + 1]
	end
end
redis.call('XADD', KEYS[2], '*', unpack(fields))
redis.call('XDEL', KEYS[1], ARGV[1])
return 1
