-- ARGV: member, its lease's key prefix, its fence's key prefix, how long a death is remembered (ms), milliseconds and bytes
-- of retention, 1 where to trim, 1 where to tell of all queues, 1 where the dead may be looked for; then each group that this
-- process has members of, and 1 where it needs order.
if is_lost() then return redis.error_reply(LOST) end
local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local members = P .. 'members'
redis.call('HSETNX', members, me, '')
for _, owner in ipairs(redis.call('HKEYS', members)) do
  if ARGV[9] == '1' and owner ~= me and redis.call('EXISTS', ARGV[2] .. owner) == 0 then
    local died = redis.call('HGET', members, owner)
    if died == '' then
      redis.call('SET', ARGV[3] .. owner, me, 'PX', tonumber(ARGV[4]) * 2)
      redis.call('HSET', members, owner, string.format('%.0f', now_ms))
      leave(owner)
    elseif now_ms - tonumber(died) > tonumber(ARGV[4]) then
      redis.call('HDEL', members, owner)
    else
      leave(owner)
    end
  end
end

-- Whether this process may receive a group's events: 1 for yes, 0 where another one does so alone, 2 where it will as soon
-- as the others have given back what they have, and ask for no more: who may read is a consumer until then.
local function may_receive(group, is_ordered)
  if not is_ordered then
    end_order(group, me)
    return redis.call('HEXISTS', P .. 'order', group) == 1 and 0 or 1
  end
  local holder = redis.call('HGET', P .. 'order', group)
  if not holder then
    redis.call('HSET', P .. 'order', group, me)
  elseif holder ~= me then
    return 0
  end
  for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', log, group)) do
    if consumer[2] ~= me and consumer[2] ~= '-' then return 2 end
  end
  for _, owner in ipairs(redis.call('HKEYS', members)) do
    for _, queue in ipairs(owner ~= me and redis.call('HKEYS', P .. 'queues:' .. owner) or {}) do
      if group_of(queue) == group then return 2 end
    end
  end
  return 1
end

local adopted, returned, orders, owned = {}, {}, {}, {}
for i = 10, #ARGV, 2 do
  local group, is_ordered = ARGV[i], ARGV[i + 1] == '1'
  if groups()[group] then
    local may = may_receive(group, is_ordered)
    if may == 1 then redis.call('XGROUP', 'CREATECONSUMER', log, group, me) end
    orders[#orders + 1] = {group, may}
    if may > 0 then
      local moved = hand_over_queues('-', me, group)
      if #moved > 0 then adopted[#adopted + 1] = {group, moved} end
      if #redis.call('XPENDING', log, group, '-', '+', 1, '-') > 0 then returned[#returned + 1] = group end
    end
  end
end

if ARGV[8] == '1' then
  for _, queue in ipairs(redis.call('HKEYS', P .. 'queues:' .. me)) do
    local _, _, b = queue_keys(me, queue)
    local size = redis.call('HGET', P .. 'queues:' .. me, queue)
    owned[#owned + 1] = {group_of(queue), queue, redis.call('HLEN', b), size}
  end
end

local function first_needed()
  local lowest = nil
  for name, last in pairs(groups()) do
    local pending = redis.call('XPENDING', log, name)
    local id
    if pending[1] > 0 then
      id = pending[2]
    else
      local ms, seq = split(last)
      id = string.format('%.0f-%.0f', ms, seq + 1)
    end
    if not lowest or is_later(lowest, id) then lowest = id end
  end
  return lowest
end

if ARGV[7] == '1' and redis.call('EXISTS', log) == 1 then
  local age_ms, size_max = tonumber(ARGV[5]), tonumber(ARGV[6])
  local limit = first_needed()
  if not limit then
    local ms, seq = split(last_id())
    limit = string.format('%.0f-%.0f', ms, seq + 1)
  end
  local survey = redis.call('GET', P .. 'survey')
  if survey and is_later(limit, survey) then limit = survey end
  local oldest_kept = string.format('%.0f-0', now_ms - age_ms)
  local bytes = tonumber(redis.call('HGET', state, 'bytes') or 0)
  if age_ms == 0 and size_max == 0 then
    redis.call('XTRIM', log, 'MINID', '=', limit)
    redis.call('HSET', state, 'bytes', redis.call('HGET', state, 'size') or 0)
  else
    local last, freed = nil, 0
    local from, is_over = '-', false
    for _ = 1, 50 do
      local entries = redis.call('XRANGE', log, from, '(' .. limit, 'COUNT', 500)
      for _, entry in ipairs(entries) do
        is_over = (age_ms > 0 and not is_later(oldest_kept, entry[1])) or (size_max > 0 and bytes - freed <= size_max)
        if is_over then break end
        last, freed = entry[1], freed + (tonumber(entry[2][1]) or 0)
      end
      if is_over or #entries < 500 then break end
      from = '(' .. last
    end
    if last then
      local ms, seq = split(last)
      redis.call('XTRIM', log, 'MINID', '=', string.format('%.0f-%.0f', ms, seq + 1))
      count('bytes', -freed)
    end
  end
end
groups()
return {redis.call('HGETALL', state), adopted, returned, orders, owned}
