-- Puts a message into the poison queue, if there is room.
--
-- KEYS[1]  the queue: a stream
-- ARGV[1]  how many messages it holds at most
-- ARGV[2…] names and values of the entry
--
-- Replies  ok    it is there
--          full  nothing was written
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then
	return 'full'
end
redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
return 'ok'
