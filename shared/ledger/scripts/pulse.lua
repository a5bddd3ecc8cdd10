-- Looks how long ago the last heartbeat came. The first look counts as one.
-- KEYS[1] heartbeat (see beat.lua)
-- ARGV[1] within (ms)  ARGV[2] keep (ms)
-- Returns {alive} | {lost, since (ms)} | {back, since (ms), when it came back (ms)}. A loss stands until
-- its end was told (see calm.lua), so that every look names the same.
local now = now_ms()
local v = redis.call('HMGET', KEYS[1], 'l', 's', 'b')
local last, since, back = v[1], v[2], v[3]
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if not last then
  redis.call('HSET', KEYS[1], 'l', int(now))
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return {'alive'}
end
if since and back then return {'back', since, back} end
if since then return {'lost', since} end
if now - tonumber(last) <= tonumber(ARGV[1]) then return {'alive'} end
since = int(tonumber(last) + tonumber(ARGV[1]))
redis.call('HSET', KEYS[1], 's', since)
return {'lost', since}
