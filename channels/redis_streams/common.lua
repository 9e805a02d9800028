local me = ARGV[1]
local P, log, state, known
local known_count = 0

-- From here on it is about the channel whose keys begin so.
local function enter(prefix)
  P, log, state, known = prefix, prefix .. 'log', prefix .. 'state', nil
end
enter(KEYS[1])

if redis.call('EXISTS', KEYS[2]) == 1 then
  return redis.error_reply('FENCED another process has taken over what this one had')
end

-- The server has lost all there was: who asks begins anew.
local function is_lost() return redis.call('HEXISTS', state, 'born') == 0 end
local LOST = 'LOST the server has lost all that the channel had'

local function count(field, number)
  if number ~= 0 then redis.call('HINCRBY', state, field, string.format('%.0f', number)) end
end

local function split(id)
  local ms, seq = string.match(id, '^(%d+)%-(%d+)$')
  return tonumber(ms), tonumber(seq)
end

local function is_later(one, other)
  local ms, seq = split(one)
  local other_ms, other_seq = split(other)
  return ms > other_ms or (ms == other_ms and seq > other_seq)
end

local function last_id()
  local found = redis.call('HMGET', state, 'ms', 'seq')
  return (found[1] or '0') .. '-' .. (found[2] or '0')
end

-- The groups of the stream, and the last id that each has given out. Where the stream or a group was destroyed behind
-- our back, the group goes on with what comes from here on.
local function groups()
  if known then return known end
  known, known_count = {}, 0
  if redis.call('EXISTS', log) == 1 then
    for _, row in ipairs(redis.call('XINFO', 'GROUPS', log)) do
      local group = {}
      for at = 1, #row, 2 do group[row[at]] = row[at + 1] end
      known[group['name']] = group['last-delivered-id']
      known_count = known_count + 1
    end
  end
  if known_count < redis.call('HLEN', P .. 'groups') then
    for _, name in ipairs(redis.call('HKEYS', P .. 'groups')) do
      if not known[name] then
        local last = last_id()
        redis.call('XGROUP', 'CREATE', log, name, last, 'MKSTREAM')
        known[name] = last
        known_count = known_count + 1
        redis.call('HMSET', state, 'u:' .. name, 0, 'v:' .. name, 0)
        redis.call('HINCRBY', state, 'healed', 1)
      end
    end
    local left, size = 0, 0
    for name in pairs(known) do
      left = math.max(left, tonumber(redis.call('HGET', state, 'u:' .. name) or 0))
      size = math.max(size, tonumber(redis.call('HGET', state, 'v:' .. name) or 0))
    end
    redis.call('HMSET', state, 'events', left, 'size', size)
  end
  return known
end

-- Whether a group other than that one has still to settle it.
local function is_wanted(id, except)
  for name, last in pairs(groups()) do
    if name ~= except then
      if is_later(id, last) or #redis.call('XPENDING', log, name, id, id, 1) > 0 then return true end
    end
  end
  return false
end

local function size_of(id)
  local entry = redis.call('XRANGE', log, id, id)[1]
  return entry and tonumber(entry[2][1]) or 0
end

-- Call do_it(id) for each that a group has been given and has not settled, from one id to another.
local function each_pending(group, from, to, do_it)
  while true do
    local rows = redis.call('XPENDING', log, group, from, to, 500)
    for _, row in ipairs(rows) do do_it(row[1]) end
    if #rows < 500 then return end
    from = '(' .. rows[#rows][1]
  end
end

-- How many entries after that id, and bytes, some group but that one has still to settle; nothing where all are. All that
-- one group was not given yet are wanted, and there the counters know; what others were given before is looked at.
local function wanted_after(id, except)
  local last, slowest = nil, nil
  for name, its in pairs(groups()) do
    if name ~= except and (not last or is_later(last, its)) then last, slowest = its, name end
  end
  if not slowest then return 0, 0 end
  if not is_later(last, id) then return nil end
  local events = tonumber(redis.call('HGET', state, 'u:' .. slowest) or 0)
  local size = tonumber(redis.call('HGET', state, 'v:' .. slowest) or 0)
  local has = {}
  each_pending(slowest, '-', id, function(pending) events, size = events - 1, size - size_of(pending) end)
  each_pending(slowest, '(' .. id, '+', function(pending) has[pending] = true end)
  for name in pairs(groups()) do
    if name ~= except and name ~= slowest then
      each_pending(name, '(' .. id, last, function(pending)
        if not has[pending] then
          has[pending] = true
          events, size = events + 1, size + size_of(pending)
        end
      end)
    end
  end
  return events, size
end

local function queue_keys(owner, queue)
  return P .. 'z:' .. owner .. ':' .. queue, P .. 't:' .. owner .. ':' .. queue, P .. 'b:' .. owner .. ':' .. queue
end

local function merge_set(from, to)
  if redis.call('EXISTS', to) == 0 then
    if redis.call('EXISTS', from) == 1 then redis.call('RENAME', from, to) end
  else
    redis.call('ZUNIONSTORE', to, 2, to, from)
    redis.call('DEL', from)
  end
end

-- A queue of one process becomes that of another: what was taken waits again. Its name, how many came, their bytes.
local function hand_over(queue, from, to)
  local z, t, b = queue_keys(from, queue)
  local to_z, _, to_b = queue_keys(to, queue)
  local events = redis.call('HLEN', b)
  redis.call('HLEN', P .. 'queues:' .. to)
  merge_set(z, to_z)
  merge_set(t, to_z)
  if redis.call('EXISTS', to_b) == 0 then
    if redis.call('EXISTS', b) == 1 then redis.call('RENAME', b, to_b) end
  else
    local at = '0'
    repeat
      local found = redis.call('HSCAN', b, at, 'COUNT', 500)
      at = found[1]
      for i = 1, #found[2], 2 do redis.call('HSET', to_b, found[2][i], found[2][i + 1]) end
    until at == '0'
    redis.call('DEL', b)
  end
  local size = redis.call('HGET', P .. 'queues:' .. from, queue)
  redis.call('HDEL', P .. 'queues:' .. from, queue)
  if events > 0 then redis.call('HINCRBY', P .. 'queues:' .. to, queue, size or 0) end
  return {queue, events, size or '0'}
end

-- Whose group a queue is: its name is `u` or `o`, the length of the group's name, a colon, both names.
local function group_of(queue)
  local length, rest = string.match(queue, '^.(%d+):(.*)$')
  return string.sub(rest, 1, tonumber(length))
end

-- What a process holds of a group goes back, for whoever comes.
local function give_back(group, owner)
  while true do
    local rows = redis.call('XPENDING', log, group, '-', '+', 500, owner)
    if #rows == 0 then break end
    local claim = {'XCLAIM', log, group, '-', '0'}
    for _, row in ipairs(rows) do claim[#claim + 1] = row[1] end
    claim[#claim + 1] = 'JUSTID'
    redis.call(unpack(claim))
  end
  if owner ~= '-' then redis.call('XGROUP', 'DELCONSUMER', log, group, owner) end
end

local function hand_over_queues(owner, to, group)
  local moved = {}
  for _, queue in ipairs(redis.call('HKEYS', P .. 'queues:' .. owner)) do
    if not group or group_of(queue) == group then
      local told = hand_over(queue, owner, to)
      if told[2] > 0 then moved[#moved + 1] = told end
    end
  end
  return moved
end

-- Whoever receives a group's events alone does so no more.
local function end_order(group, owner)
  if redis.call('HGET', P .. 'order', group) == owner then redis.call('HDEL', P .. 'order', group) end
end

local function leave(owner)
  for name in pairs(groups()) do
    give_back(name, owner)
    end_order(name, owner)
  end
  hand_over_queues(owner, '-', nil)
end

local at = 3
local function word() at = at + 1; return ARGV[at - 1] end
local function number() return tonumber(word()) end
local operations = {}
