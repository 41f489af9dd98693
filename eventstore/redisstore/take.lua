-- Takes a partition's lease if it is still as it was seen.
--
-- KEYS[1]  the lease: a hash of term, name, beat
-- KEYS[2]  the position of the projections: a hash; its term fences them
-- ARGV[1…3] term, name, beat as seen; 0, empty, 0 where there is no lease
-- ARGV[4…6] term, name, beat of the new holder
--
-- Replies  ok      the lease is the new holder's, and the position bears its term
--          mended  so it is, and what stood under one of the keys was none: nobody
--                  could write under such a lease, and views without a position
--                  are built again
--          held    nothing was written: the lease is not as it was seen
--
-- Every check stands before the first write.
local function kind(key)
	return redis.call('TYPE', key).ok
end

-- A number of 64 bits in its one spelling.
local function number(text)
	return text == '0' or text:match('^[1-9]%d*$') and (#text < 20 or #text == 20 and text <= '18446744073709551615')
end

local mended = false
local lease = {}
if kind(KEYS[1]) == 'hash' then
	lease = redis.call('HMGET', KEYS[1], 'term', 'name', 'beat')
elseif kind(KEYS[1]) ~= 'none' then
	mended = true
end
local term, name, beat = lease[1] or '0', lease[2] or '', lease[3] or '0'
if not number(term) or not number(beat) then
	term, name, beat, mended = '0', '', '0', true
end
if term ~= ARGV[1] or name ~= ARGV[2] or beat ~= ARGV[3] then
	return 'held'
end
local position = kind(KEYS[2])
if mended then
	redis.call('UNLINK', KEYS[1])
end
if position ~= 'hash' and position ~= 'none' then
	redis.call('UNLINK', KEYS[2])
	mended = true
end
redis.call('HSET', KEYS[1], 'term', ARGV[4], 'name', ARGV[5], 'beat', ARGV[6])
redis.call('HSET', KEYS[2], 'term', ARGV[4])
return mended and 'mended' or 'ok'
