-- Counts a remediation against all limits, or against none.
-- KEYS, ARGV as limits.lua says
-- Returns {ok} | {paused} | {tripped, number of the limit from 1, count}.
if redis.call('EXISTS', KEYS[1]) == 1 then return {'paused'} end
local now = now_ms()
local i, count = tripped(now)
if i then return {'tripped', int(i - 1), int(count)} end
for i = 2, #KEYS do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', int(now - tonumber(ARGV[2 * i - 1])))
  redis.call('ZADD', KEYS[i], 'NX', int(now), ARGV[1])
  redis.call('PEXPIRE', KEYS[i], ARGV[2 * i - 1])
end
return {'ok'}
