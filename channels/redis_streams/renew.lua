-- ARGV: member, the key of its lease, its length (ms), the key of the latest time that was ever told, that time or nothing.
redis.call('SET', ARGV[2], '', 'PX', ARGV[3])
local latest = redis.call('GET', ARGV[4]) or '0'
if ARGV[5] ~= '' and tonumber(ARGV[5]) > tonumber(latest) then redis.call('SET', ARGV[4], ARGV[5]) end
return latest
