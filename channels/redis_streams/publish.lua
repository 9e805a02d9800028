-- ARGV: member, 1 where events are kept that no group wants, bytes of all, then size and frame of each.
local is_kept, total, left = ARGV[2] == '1', tonumber(ARGV[3]), (#ARGV - 3) / 2
if is_lost() then return redis.error_reply(LOST) end
groups()

-- Ids grow whatever the clock does, and fit into 61 bits as milliseconds and 20 bits of sequence.
local time = redis.call('TIME')
local ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local found = redis.call('HMGET', state, 'ms', 'seq')
local last_ms, seq = tonumber(found[1] or 0), tonumber(found[2] or 0)
if ms <= last_ms then
  ms = last_ms
  if seq + left >= 1048575 then ms, seq = ms + 1, 0 end
else
  seq = 0
end
local first = seq + 1

if is_kept or known_count > 0 then
  local prefix = string.format('%.0f-', ms)
  for at = 4, #ARGV, 2 do
    seq = seq + 1
    redis.call('XADD', log, prefix .. string.format('%.0f', seq), ARGV[at], ARGV[at + 1])
  end
  count('bytes', total)
else
  seq = seq + left
end
redis.call('HMSET', state, 'ms', string.format('%.0f', ms), 'seq', string.format('%.0f', seq))
count('stored', left)
if known_count > 0 then
  count('events', left)
  count('size', total)
  for name in pairs(known) do
    count('u:' .. name, left)
    count('v:' .. name, total)
  end
end
return {string.format('%.0f', ms), string.format('%.0f', first), redis.call('HGETALL', state)}
