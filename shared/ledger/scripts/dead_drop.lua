-- Forgets a dead letter; its owner still has had one. One that was stored again since
-- stays.
-- KEYS[1] bodies  KEYS[2...] lists (see dead_put.lua)
-- ARGV[1] id  ARGV[2] when it was stored (ms), as it was listed
-- Returns {removed: 0 or 1}.
for i = 2, #KEYS do
  local stored = redis.call('ZSCORE', KEYS[i], ARGV[1])
  if stored and tonumber(stored) > tonumber(ARGV[2]) then return {0} end
end
local n = 0
for i = 2, #KEYS do n = n + redis.call('ZREM', KEYS[i], ARGV[1]) end
redis.call('HDEL', KEYS[1], ARGV[1])
return {int(math.min(n, 1))}
