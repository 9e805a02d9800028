-- ARGV: member, group ('' to enter the channel), the id after which it begins ('$' for the last one given), a birth mark,
-- 1 for who joins it. A group that is there goes on. Who joins has what nobody has of its queues, unless another one
-- receives alone.
redis.call('HSETNX', state, 'born', ARGV[4])
redis.call('HSETNX', P .. 'members', me, '')
local group, after = ARGV[2], ARGV[3]
local is_new = group ~= '' and redis.call('HEXISTS', P .. 'groups', group) == 0
if is_new then
  groups()
  local last = after == '$' and last_id() or after
  if after ~= '$' then
    local left, size, held, held_size = 0, 0, 0, 0
    each_after(last, function(id, its)
      left, size = left + 1, size + its
      if not is_wanted(id, nil) then held, held_size = held + 1, held_size + its end
    end)
    count('u:' .. group, left)
    count('v:' .. group, size)
    count('events', held)
    count('size', held_size)
  end
  redis.call('XGROUP', 'CREATE', log, group, last, 'MKSTREAM')
  redis.call('HSET', P .. 'groups', group, last)
  known = nil
end
local holder = redis.call('HGET', P .. 'order', group)
local is_held = holder and holder ~= me
local moved = {}
if ARGV[5] == '1' and not is_held then
  -- From here on it may read: whoever wants to receive alone has to wait for it.
  redis.call('XGROUP', 'CREATECONSUMER', log, group, me)
  moved = hand_over_queues('-', me, group)
end
local rows = {}
for name, last in pairs(groups()) do
  rows[#rows + 1] = {name, last, redis.call('XPENDING', log, name)[1]}
end
return {
  redis.call('HGETALL', state), rows, moved, redis.call('HGETALL', P .. 'remembered'), is_held and 1 or 0,
}
