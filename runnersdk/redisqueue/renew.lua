-- Renews the leases of queue entries that a process owns: their idle time
-- becomes 0. XCLAIM alone would take an entry over from whoever has it.
--
-- KEYS[1]   work queue
-- ARGV[1]   consumer group
-- ARGV[2]   process, as the group's consumer
-- ARGV[3…]  ids of entries
-- Reply: the ids that the process owns. NOGROUP when the queue is not there.
local kept = {}
for i = 3, #ARGV do
  local own = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2])
  if #own == 1 then
    local renewed = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'IDLE', 0, 'JUSTID')
    if #renewed == 1 then -- not one that was deleted while it was pending
      kept[#kept + 1] = ARGV[i]
    end
  end
end
return kept
