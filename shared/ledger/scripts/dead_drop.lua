-- Forgets a dead letter; its owner still has had one.
-- KEYS[1] times  KEYS[2] bodies
-- ARGV[1] id
-- Returns {removed: 0 or 1}.
local n = redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
return {int(n)}
