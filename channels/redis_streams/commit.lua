-- What is owed, of all channels and of the dead letters in one step. KEYS[1] is where this process's last serial number is.
-- ARGV: member, serial number, then for each: what its keys begin with, how many words follow, operations. A commit that was
-- done already, though the answer was lost, does nothing.
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

local function end_queue(queue)
  local z, t, b = queue_keys(me, queue)
  if redis.call('EXISTS', b) == 0 then
    redis.call('DEL', z, t)
    redis.call('HDEL', P .. 'queues:' .. me, queue)
  end
end

function operations.ack()
  local group, total, left, ids = word(), number(), number(), {}
  for i = 1, left do ids[i] = word() end
  settle_log(group, ids, total)
end

function operations.park()
  local queue, left = word(), number()
  local z, _, b = queue_keys(me, queue)
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
  local _, t, b = queue_keys(me, queue)
  local events, bytes = 0, 0
  for _ = 1, left do
    local id, size = word(), number()
    if redis.call('HDEL', b, id) == 1 then
      redis.call('ZREM', t, id)
      events, bytes = events + 1, bytes + size
    end
  end
  redis.call('HINCRBY', P .. 'queues:' .. me, queue, 0 - bytes) -- the negative of 0 is no integer to the server
  count('parked', -events)
  count('psize', -bytes)
  end_queue(queue)
end

function operations.clear()
  local queue = word()
  local z, t, b = queue_keys(me, queue)
  count('parked', -redis.call('HLEN', b))
  count('psize', -tonumber(redis.call('HGET', P .. 'queues:' .. me, queue) or 0))
  redis.call('UNLINK', z, t, b)
  redis.call('HDEL', P .. 'queues:' .. me, queue)
end

function operations.remember()
  redis.call('HSET', P .. 'remembered', word(), word())
  redis.call('HINCRBY', state, 'rv', 1)
end

function operations.unremember()
  redis.call('HDEL', P .. 'remembered', word())
  redis.call('HINCRBY', state, 'rv', 1)
end

function operations.damaged()
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
  local last = groups()[group]
  if last then
    local released, size = 0, 0
    local function release(id, its)
      if not is_wanted(id, group) then released, size = released + 1, size + its end
    end
    if known_count == 1 then
      released, size = tonumber(redis.call('HGET', state, 'events') or 0), tonumber(redis.call('HGET', state, 'size') or 0)
    else
      local from = '-'
      while true do
        local rows = redis.call('XPENDING', log, group, from, '+', 500)
        for _, row in ipairs(rows) do release(row[1], size_of(row[1])) end
        if #rows < 500 then break end
        from = '(' .. rows[#rows][1]
      end
      each_after(last, release)
    end
    redis.call('XGROUP', 'DESTROY', log, group)
    redis.call('HDEL', P .. 'groups', group)
    redis.call('HDEL', P .. 'order', group)
    known = nil
    redis.call('HDEL', state, 'u:' .. group, 'v:' .. group)
    count('events', -released)
    count('size', -size)
  end
  for _, owner in ipairs({'-', me}) do
    for _, queue in ipairs(redis.call('HKEYS', P .. 'queues:' .. owner)) do
      if group_of(queue) == group then
        local z, t, b = queue_keys(owner, queue)
        count('parked', -redis.call('HLEN', b))
        count('psize', -tonumber(redis.call('HGET', P .. 'queues:' .. owner, queue) or 0))
        redis.call('UNLINK', z, t, b)
        redis.call('HDEL', P .. 'queues:' .. owner, queue)
      end
    end
  end
end

local is_done = redis.call('GET', KEYS[1]) == ARGV[2]
local answers = {}
while at <= #ARGV do
  enter(word())
  local finish = number()
  finish = at + finish
  while at < finish and not is_done do operations[word()]() end
  at = finish
  answers[#answers + 1] = redis.call('HGETALL', state)
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', 86400000)
return answers
