-- Counts a remediation against all limits, or against none.
-- KEYS[1] pause  KEYS[2..] limits, sorted sets {remediation -> admitted at (ms)}
-- ARGV[1] remediation, then for each limit: its max, its window (ms)
-- Returns {ok} | {paused} | {tripped, number of the limit from 1, count}.
if redis.call('EXISTS', KEYS[1]) == 1 then return {'paused'} end
local now = now_ms()
for i = 2, #KEYS do
  local max, window = tonumber(ARGV[2 * i - 2]), tonumber(ARGV[2 * i - 1])
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', int(now - window))
  if not redis.call('ZSCORE', KEYS[i], ARGV[1]) then
    local count = redis.call('ZCARD', KEYS[i])
    if count >= max then return {'tripped', int(i - 1), int(count)} end
  end
end
for i = 2, #KEYS do
  redis.call('ZADD', KEYS[i], 'NX', int(now), ARGV[1])
  redis.call('PEXPIRE', KEYS[i], ARGV[2 * i - 1])
end
return {'ok'}
