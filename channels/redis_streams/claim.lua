-- ARGV: member, group, how many at most. What was given back, oldest first; or, with ids behind, those of this process.
local ids = {}
if #ARGV > 3 then
  for at = 4, #ARGV do ids[#ids + 1] = ARGV[at] end
elseif groups()[ARGV[2]] then
  for _, row in ipairs(redis.call('XPENDING', log, ARGV[2], '-', '+', ARGV[3], '-')) do ids[#ids + 1] = row[1] end
end
if #ids == 0 then return {} end
local claim = {'XCLAIM', log, ARGV[2], me, '0'}
for _, id in ipairs(ids) do claim[#claim + 1] = id end
return redis.call(unpack(claim))
