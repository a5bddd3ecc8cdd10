-- Forgets a dead letter; its owner still has had one.
-- KEYS[1] bodies  KEYS[2...] lists (see dead_put.lua)
-- ARGV[1] id
-- Returns {removed: 0 or 1}.
local n = 0
for i = 2, #KEYS do n = n + redis.call('ZREM', KEYS[i], ARGV[1]) end
redis.call('HDEL', KEYS[1], ARGV[1])
return {int(math.min(n, 1))}
