-- Returns the id of a log's last entry, and nothing of what is in it.
--
-- KEYS[1]  the log: a stream
--
-- Replies  the id; an empty text for an empty log
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
return last and last[1] or ''
