-- Says that a consumer is still at work on entries that it holds: nobody takes
-- them from it meanwhile. What somebody took already stays his.
--
-- KEYS[1]  the stream
-- ARGV[1]  the consumer group
-- ARGV[2]  the consumer that holds them
-- ARGV[3]  the consumer that is to hold them: the same, but for one that leaves
-- ARGV[4]  1 if this is another delivery, to be counted; else 0
-- ARGV[5…] ids of the entries
--
-- Replies  the ids of those that it held
local held = {}
for i = 5, #ARGV do
	if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2]) == 1 then
		if ARGV[4] == '1' then
			redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, ARGV[i])
		else
			redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, ARGV[i], 'JUSTID')
		end
		held[#held + 1] = ARGV[i]
	end
end
return held
