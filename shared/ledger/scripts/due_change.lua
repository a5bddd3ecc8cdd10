-- Completes or postpones a leased item, if the lease is still ours.
-- KEYS[1] times  KEYS[2] items  KEYS[3] leases (see schedule.lua)
-- ARGV[1] id  ARGV[2] token  ARGV[3] due in (ms), or -1 to take it off the list
-- Returns {ok} | {lost}.
local id = ARGV[1]
local token, attempt = string.match(redis.call('HGET', KEYS[3], id) or '', '^(%d+):(%d+)$')
if token ~= ARGV[2] then return {'lost'} end
local delay = tonumber(ARGV[3])
if delay < 0 then
  redis.call('ZREM', KEYS[1], id)
  redis.call('HDEL', KEYS[2], id)
  redis.call('HDEL', KEYS[3], id)
else
  redis.call('ZADD', KEYS[1], int(now_ms() + delay), id)
  redis.call('HSET', KEYS[3], id, '0:' .. attempt)
end
return {'ok'}
