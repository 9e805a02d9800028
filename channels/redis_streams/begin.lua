-- ARGV: member, group ('' to enter the channel), the id after which it begins ('$' for the last one given), a birth mark,
-- 1 for who joins it, how many entries and bytes may be looked at, then how far that came in earlier calls: an id, entries,
-- bytes. A group that is there goes on. Who joins has what nobody has of its queues, unless another one receives alone.
-- Where a group begins in the past what it finds is counted first, in as many calls as that takes, which answer how far it
-- came: the server does nothing else meanwhile. Until then nothing of it is trimmed.
redis.call('HSETNX', state, 'born', ARGV[4])
redis.call('HSETNX', P .. 'members', me, '')
local group, after = ARGV[2], ARGV[3]
local is_new = group ~= '' and redis.call('HEXISTS', P .. 'groups', group) == 0
if is_new then
  groups()
  local last = after == '$' and last_id() or after
  if after ~= '$' then
    local reached, left, size = last, 0, 0
    local survey = redis.call('GET', P .. 'survey')
    if survey and ARGV[8] ~= '' then reached, left, size = ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10]) end
    if not survey or is_later(survey, last) then survey = last == '0-0' and '0-1' or last end
    redis.call('SET', P .. 'survey', survey, 'PX', 10000)
    local events_end, size_end = left + tonumber(ARGV[6]), size + tonumber(ARGV[7])
    while true do
      local entries = redis.call('XRANGE', log, '(' .. reached, '+', 'COUNT', 50)
      for _, entry in ipairs(entries) do left, size = left + 1, size + (tonumber(entry[2][1]) or 0) end
      if #entries < 50 then break end
      reached = entries[#entries][1]
      if left >= events_end or size >= size_end then return {reached, left, size} end
    end
    local wanted, wanted_size = wanted_after(last, nil)
    count('u:' .. group, left)
    count('v:' .. group, size)
    count('events', left - (wanted or left))
    count('size', size - (wanted_size or size))
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
