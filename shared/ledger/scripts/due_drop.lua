-- Takes an item off the due list, leased or not.
-- KEYS[1] times  KEYS[2] items  KEYS[3] leases (see schedule.lua)
-- ARGV[1] id
-- Returns {removed: 0 or 1}.
local n = redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
return {int(n)}
