-- What is owed, of all channels and of the dead letters in one step. KEYS[1] is where this process's last serial number is.
-- ARGV: member, serial number, then for each: what its keys begin with, how many words follow, operations. What was done
-- already, though the answer was lost, is not done again. Answers the state of each or, where an operation failed, how many
-- words were done before it and the error: what is wrong with the keys of one is no matter of the others.
--
-- Each operation looks first at all keys that it may change. One of another type fails it before it has done anything.
local function look_at_hashes(...)
  redis.call('HLEN', state)
  for _, name in ipairs({...}) do redis.call('HLEN', P .. name) end
end

local function look_at_queue(owner, queue)
  local z, t, b = queue_keys(owner, queue)
  look_at_hashes('queues:' .. owner)
  redis.call('HLEN', b)
  redis.call('ZCARD', z)
  redis.call('ZCARD', t)
  return z, t, b
end

local function settle_log(group, ids, total)
  groups()
  local acked, size, released, released_size = 0, total, 0, 0
  if known_count <= 1 then
    for first = 1, #ids, 1000 do
      acked = acked + redis.call('XACK', log, group, unpack(ids, first, math.min(first + 999, #ids)))
    end
    if acked < #ids then size = math.floor(total * acked / #ids) end
    released, released_size = acked, size
  else
    size = 0
    for _, id in ipairs(ids) do
      if redis.call('XACK', log, group, id) == 1 then
        local its = size_of(id)
        acked, size = acked + 1, size + its
        if not is_wanted(id, group) then released, released_size = released + 1, released_size + its end
      end
    end
  end
  count('u:' .. group, -acked)
  count('v:' .. group, -size)
  count('events', -released)
  count('size', -released_size)
end

-- Nothing is left of a queue but what nobody knows the place of: bytes of bodies that were lost.
local function end_queue(queue)
  local z, t, b = queue_keys(me, queue)
  if redis.call('EXISTS', z, t, b) == 0 then
    count('psize', -tonumber(redis.call('HGET', P .. 'queues:' .. me, queue) or 0))
    redis.call('HDEL', P .. 'queues:' .. me, queue)
  end
end

local function clear(owner, queue)
  local z, t, b = look_at_queue(owner, queue)
  local events, bytes = redis.call('HLEN', b), tonumber(redis.call('HGET', P .. 'queues:' .. owner, queue) or 0)
  redis.call('UNLINK', z, t, b)
  redis.call('HDEL', P .. 'queues:' .. owner, queue)
  count('parked', -events)
  count('psize', -bytes)
end

function operations.ack()
  look_at_hashes()
  local group, total, left, ids = word(), number(), number(), {}
  for i = 1, left do ids[i] = word() end
  settle_log(group, ids, total)
end

function operations.park()
  local queue, left = word(), number()
  local z, _, b = look_at_queue(me, queue)
  local events, bytes = 0, 0
  for _ = 1, left do
    local id, score, size, body = word(), word(), number(), word()
    if redis.call('HSETNX', b, id, body) == 1 then
      redis.call('ZADD', z, score, id)
      events, bytes = events + 1, bytes + size
    end
  end
  redis.call('HINCRBY', P .. 'queues:' .. me, queue, bytes)
  count('parked', events)
  count('psize', bytes)
end

function operations.settle()
  local queue, left = word(), number()
  local _, t, b = look_at_queue(me, queue)
  local events, bytes = 0, 0
  for _ = 1, left do
    local id, size = word(), number()
    -- One whose body was lost was counted as well.
    if redis.call('HDEL', b, id) + redis.call('ZREM', t, id) > 0 then
      events, bytes = events + 1, bytes + size
    end
  end
  redis.call('HINCRBY', P .. 'queues:' .. me, queue, 0 - bytes) -- the negative of 0 is no integer to the server
  count('parked', -events)
  count('psize', -bytes)
  end_queue(queue)
end

function operations.clear()
  clear(me, word())
end

function operations.remember()
  look_at_hashes('remembered')
  redis.call('HSET', P .. 'remembered', word(), word())
  redis.call('HINCRBY', state, 'rv', 1)
end

function operations.unremember()
  look_at_hashes('remembered')
  redis.call('HDEL', P .. 'remembered', word())
  redis.call('HINCRBY', state, 'rv', 1)
end

function operations.damaged()
  look_at_hashes()
  redis.call('RPUSH', P .. 'damaged', word())
  redis.call('HINCRBY', state, 'damaged', 1)
end

function operations.release()
  local group = word()
  if groups()[group] then give_back(group, me) end
  end_order(group, me)
  hand_over_queues(me, '-', group)
end

function operations.leave()
  leave(me)
  redis.call('HDEL', P .. 'members', me)
end

function operations.forget()
  local group = word()
  look_at_hashes('order')
  if groups()[group] then
    local wanted, wanted_size = wanted_after('0-0', group)
    redis.call('XGROUP', 'DESTROY', log, group)
    redis.call('HDEL', P .. 'groups', group)
    redis.call('HDEL', P .. 'order', group)
    known = nil
    redis.call('HDEL', state, 'u:' .. group, 'v:' .. group)
    if wanted then 
      redis.call('HMSET', state, 'events', string.format('%.0f', wanted), 'size', string.format('%.0f', wanted_size))
    end
  end
  for _, owner in ipairs({'-', me}) do
    for _, queue in ipairs(redis.call('HKEYS', P .. 'queues:' .. owner)) do
      if group_of(queue) == group then
        clear(owner, queue)
      end
    end
  end
end

-- How far this commit came before, by the places of those whose operations failed; nothing where it was never here.
local function come_so_far()
  local serial, told = string.match(redis.call('GET', KEYS[1]) or '', '^(%S+)(.*)$')
  if serial ~= ARGV[2] then return nil end
  local found = {}
  for place, words in string.gmatch(told, '(%d+):(%d+)') do found[tonumber(place)] = tonumber(words) end
  return found
end

-- An error that a command had is the table or the text that it is, by the server's version; other ones are Lua's own.
local function told_of(found)
  local text = type(found) == 'table' and found.err or tostring(found)
  return string.match(text, '^%-?(%u+ .*)$') or 'ERR ' .. text
end

local reached
local function work(finish)
  while at < finish do
    operations[word()]()
    reached = at
  end
  return redis.call('HGETALL', state)
end

local before, answers, told = come_so_far(), {}, ARGV[2]
while at <= #ARGV do
  enter(word())
  local words, place = number(), #answers + 1
  local first = at
  at = first + (before and (before[place] or words) or 0)
  reached = at
  local is_done, answer = pcall(work, first + words)
  if not is_done then
    told = string.format('%s %d:%d', told, place, reached - first)
    answer = {reached - first, told_of(answer)}
  end
  answers[place] = answer
  at = first + words
end
redis.call('SET', KEYS[1], told, 'PX', 86400000)
return answers
