-- `index` is a sorted set of the letters' numbers; the hashes `head`, `body`, `tried` (attempts of redrives) and `mark`
-- (state, how often, redrive) are by number. A redrive has a hash `r:ID` and, while it is under way, a sorted set `p:ID`.
local function numbers()
  local found = {}
  for i = 1, tonumber(word()) do found[i] = word() end
  return found
end

local function mark_of(number)
  local state, redrives, redrive = string.match(redis.call('HGET', P .. 'mark', number) or '', '^(%a*):(%d+):(.*)$')
  return state or '', tonumber(redrives or 0), redrive or ''
end

local function set_mark(number, state, redrives, redrive)
  redis.call('HSET', P .. 'mark', number, string.format('%s:%d:%s', state, redrives, redrive))
end

local function look_at(redrive, now)
  if redis.call('ZCARD', P .. 'p:' .. redrive) > 0 then return end
  redis.call('HSET', P .. 'r:' .. redrive, 'ended', now)
  redis.call('RPUSH', P .. 'ended', redrive)
  while redis.call('LLEN', P .. 'ended') > 100 do
    local oldest = redis.call('LPOP', P .. 'ended')
    redis.call('DEL', P .. 'r:' .. oldest)
    redis.call('ZREM', P .. 'redrives', oldest)
  end
end

local function finish(number, redrive, field, now)
  redis.call('ZREM', P .. 'p:' .. redrive, number)
  redis.call('HINCRBY', P .. 'r:' .. redrive, field, 1)
  redis.call('INCR', P .. 'version')
  look_at(redrive, now)
end

local function remove(number)
  redis.call('ZREM', P .. 'index', number)
  for _, name in ipairs({'head', 'body', 'tried', 'mark'}) do redis.call('HDEL', P .. name, number) end
end

function operations.add()
  local number = redis.call('INCR', P .. 'last')
  redis.call('ZADD', P .. 'index', number, number)
  redis.call('HSET', P .. 'head', number, word())
  redis.call('HSET', P .. 'body', number, word())
end

function operations.redriven()
  local number, redrive, now = word(), word(), word()
  local state, _, claimed_by = mark_of(number)
  if state == 'pending' and claimed_by == redrive then
    remove(number)
    finish(number, redrive, 'delivered', now)
  end
end

function operations.failed()
  local number, redrive, now, attempts = word(), word(), word(), word()
  local state, redrives, claimed_by = mark_of(number)
  if state == 'pending' and claimed_by == redrive then
    redis.call('HSET', P .. 'tried', number, (redis.call('HGET', P .. 'tried', number) or '') .. attempts)
    set_mark(number, 'failed', redrives + 1, redrive)
    finish(number, redrive, 'failed', now)
  end
end

function operations.discard()
  local now, gone = word(), {}
  for _, number in ipairs(numbers()) do
    if redis.call('ZSCORE', P .. 'index', number) then
      local state, _, redrive = mark_of(number)
      remove(number)
      if state == 'pending' then finish(number, redrive, 'failed', now) else redrive = '' end
      gone[#gone + 1] = {number, redrive}
    end
  end
  return gone
end

function operations.open()
  local redrive, record = redis.call('INCR', P .. 'redrive'), word()
  redis.call('ZADD', P .. 'redrives', redrive, redrive)
  redis.call('HSET', P .. 'r:' .. redrive, 'record', record, 'total', 0, 'delivered', 0, 'failed', 0)
  redis.call('INCR', P .. 'version')
  return redrive
end

function operations.claim()
  local redrive, claimed = word(), {}
  for _, number in ipairs(numbers()) do
    local state, redrives = mark_of(number)
    if state ~= 'pending' and redis.call('ZSCORE', P .. 'index', number) then
      set_mark(number, 'pending', redrives, redrive)
      redis.call('ZADD', P .. 'p:' .. redrive, number, number)
      claimed[#claimed + 1] = number
    end
  end
  redis.call('HINCRBY', P .. 'r:' .. redrive, 'total', #claimed)
  redis.call('INCR', P .. 'version')
  return claimed
end

function operations.claimed()
  local redrive, now = word(), word()
  look_at(redrive, now)
  redis.call('INCR', P .. 'version')
end

function operations.redrives()
  local found = {}
  for _, redrive in ipairs(redis.call('ZRANGE', P .. 'redrives', 0, -1)) do
    found[#found + 1] = {redrive, redis.call('HGETALL', P .. 'r:' .. redrive)}
  end
  return {redis.call('GET', P .. 'version') or '0', found}
end

local answer = 0
