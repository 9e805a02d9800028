-- ARGV: member, queue, now (microseconds), how many at most, how many bytes at most. What is due, and what comes next:
-- rank and due time of the first that stays, or nothing. With a 1 behind, what was taken is to be taken again, but for those
-- that follow. One whose body is gone is given out without: there is nobody else who could settle it.
local queue, now, most, bytes = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local z, t, b = queue_keys(me, queue)
local is_ordered = string.sub(queue, 1, 1) == 'o'
local taken, following = {}, {}

if ARGV[6] == '1' then
  local has = {}
  for at = 7, #ARGV do has[ARGV[at]] = true end
  local rows = redis.call('ZRANGE', t, 0, -1, 'WITHSCORES')
  for at = 1, #rows, 2 do
    if not has[rows[at]] then
      redis.call('ZADD', z, rows[at + 1], rows[at])
      redis.call('ZREM', t, rows[at])
    end
  end
end

local rows = redis.call('ZRANGE', z, 0, most, 'WITHSCORES')
for at = 1, #rows, 2 do
  local id, score = rows[at], rows[at + 1]
  local body = redis.call('HGET', b, id) or ''
  local due = #body >= 8 and struct.unpack('>d', body) or 0
  if due > now or #taken >= most * 2 or bytes <= 0 then
    following = {is_ordered and id or score, string.format('%.0f', due)}
    break
  end
  taken[#taken + 1], taken[#taken + 2] = id, body
  bytes = bytes - #body
  redis.call('ZREM', z, id)
  redis.call('ZADD', t, score, id)
end
return {taken, following}
