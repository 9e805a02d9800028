-- `index` is a sorted set of the letters' numbers; the hashes `head`, `body`, `tried` (attempts of redrives), `mark` (state,
-- how often, redrive) and `claim` (redrive) are by number. `redrives` are those that have begun, each with a hash `r:ID`;
-- what a redrive claimed and did not bring to an end is a sorted set `p:ID`. A claim counts once its redrive has begun.
local function numbers()
  local found = {}
  for i = 1, tonumber(word()) do found[i] = word() end
  return found
end

-- As in `commit`: a key of another type fails an operation before it has done anything.
local looked_at
local function look()
  if looked_at == P then return end
  for _, name in ipairs({'head', 'body', 'tried', 'mark', 'claim'}) do redis.call('HLEN', P .. name) end
  for _, name in ipairs({'index', 'redrives'}) do redis.call('ZCARD', P .. name) end
  for _, name in ipairs({'last', 'version', 'evicted'}) do redis.call('GET', P .. name) end
  redis.call('LLEN', P .. 'ended')
  looked_at = P
end

local function look_at_redrive(redrive)
  redis.call('HLEN', P .. 'r:' .. redrive)
  redis.call('ZCARD', P .. 'p:' .. redrive)
end

-- The redrive that has to bring a letter to its end, false where there is none.
local function redrive_of(number)
  local redrive = redis.call('HGET', P .. 'claim', number)
  return redrive and redis.call('ZSCORE', P .. 'redrives', redrive) and redrive
end

local function free(number)
  local redrive = redis.call('HGET', P .. 'claim', number)
  if not redrive then return end
  redis.call('HDEL', P .. 'claim', number)
  redis.call('ZREM', P .. 'p:' .. redrive, number)
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

-- A letter of that redrive, which has it no more, is at its end.
local function finish(redrive, field, now)
  redis.call('HINCRBY', P .. 'r:' .. redrive, field, 1)
  redis.call('INCR', P .. 'version')
  look_at(redrive, now)
end

local function remove(number)
  for _, name in ipairs({'head', 'body', 'tried', 'mark'}) do redis.call('HDEL', P .. name, number) end
  redis.call('ZREM', P .. 'index', number)
  free(number)
end

-- Whatever had claimed it counts it as failed. The redrive that had, if there was one.
local function let_go(number, now)
  local redrive = redrive_of(number)
  if redrive then look_at_redrive(redrive) end
  remove(number)
  if redrive then finish(redrive, 'failed', now) end
  return redrive
end

-- The oldest go. Where a bound became much smaller it takes some letters more, so that no step takes long.
local function make_room(most, now)
  local surplus = math.min(redis.call('ZCARD', P .. 'index') - most, 100)
  if surplus <= 0 then return end
  for _, number in ipairs(redis.call('ZRANGE', P .. 'index', 0, surplus - 1)) do let_go(number, now) end
  redis.call('INCRBY', P .. 'evicted', surplus)
end

function operations.add()
  look()
  -- The number counts as given at the end: whatever fails before, it is the same letter that is tried again.
  local most, now, number = tonumber(word()), word(), tonumber(redis.call('GET', P .. 'last') or 0) + 1
  redis.call('HSET', P .. 'head', number, word())
  redis.call('HSET', P .. 'body', number, word())
  redis.call('ZADD', P .. 'index', number, number)
  make_room(most, now)
  redis.call('INCR', P .. 'last')
end

function operations.redriven()
  local number, redrive, now = word(), word(), word()
  look()
  look_at_redrive(redrive)
  if redrive_of(number) == redrive then
    remove(number)
    finish(redrive, 'delivered', now)
  end
end

function operations.failed()
  local number, redrive, now, attempts = word(), word(), word(), word()
  look()
  look_at_redrive(redrive)
  if redrive_of(number) == redrive then
    local redrives = string.match(redis.call('HGET', P .. 'mark', number) or '', '^%a*:(%d+):') or 0
    redis.call('HSET', P .. 'tried', number, (redis.call('HGET', P .. 'tried', number) or '') .. attempts)
    redis.call('HSET', P .. 'mark', number, string.format('failed:%d:%s', redrives + 1, redrive))
    free(number)
    finish(redrive, 'failed', now)
  end
end

function operations.discard()
  local now, gone = word(), {}
  for _, number in ipairs(numbers()) do
    if redis.call('ZSCORE', P .. 'index', number) then
      gone[#gone + 1] = {number, let_go(number, now) or ''}
    end
  end
  return gone
end

function operations.number()
  return redis.call('INCR', P .. 'redrive')
end

function operations.claim()
  local redrive, claimed = word(), 0
  for _, number in ipairs(numbers()) do
    if redis.call('ZSCORE', P .. 'index', number) and not redrive_of(number) then
      free(number)
      redis.call('HSET', P .. 'claim', number, redrive)
      redis.call('ZADD', P .. 'p:' .. redrive, number, number)
      claimed = claimed + 1
    end
  end
  return claimed
end

function operations.begin()
  local redrive, record, now = word(), word(), word()
  local total = redis.call('ZCARD', P .. 'p:' .. redrive)
  redis.call('ZADD', P .. 'redrives', redrive, redrive)
  redis.call('HSET', P .. 'r:' .. redrive, 'record', record, 'total', total, 'delivered', 0, 'failed', 0)
  redis.call('INCR', P .. 'version')
  look_at(redrive, now)
  return redis.call('HGETALL', P .. 'r:' .. redrive)
end

function operations.redrives()
  local found = {}
  for _, redrive in ipairs(redis.call('ZRANGE', P .. 'redrives', 0, -1)) do
    found[#found + 1] = {redrive, redis.call('HGETALL', P .. 'r:' .. redrive)}
  end
  return {redis.call('GET', P .. 'version') or '0', found}
end

local answer = 0
