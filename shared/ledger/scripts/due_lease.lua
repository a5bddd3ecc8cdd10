-- Leases items of one shard that are due, the longest due first.
-- KEYS[1] times  KEYS[2] items  KEYS[3] leases (see schedule.lua)
-- ARGV[1] most items  ARGV[2] lease (ms)
-- Returns {ok, id, body, token, attempt, id, ...}. A leased item is due again
-- when the lease ends. An id without a body cannot be handled and goes.
local now = now_ms()
local out = {'ok'}
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', int(now), 'LIMIT', 0, tonumber(ARGV[1]))
for _, id in ipairs(ids) do
  local body = redis.call('HGET', KEYS[2], id)
  if not body then
    redis.call('ZREM', KEYS[1], id)
    redis.call('HDEL', KEYS[3], id)
  else
    local before, attempt = string.match(redis.call('HGET', KEYS[3], id) or '', '^(%d+):(%d+)$')
    local token = next_token(before, now)
    attempt = int((tonumber(attempt or 0) or 0) + 1)
    redis.call('ZADD', KEYS[1], int(now + tonumber(ARGV[2])), id)
    redis.call('HSET', KEYS[3], id, token .. ':' .. attempt)
    out[#out + 1] = id
    out[#out + 1] = body
    out[#out + 1] = token
    out[#out + 1] = attempt
  end
end
return out
