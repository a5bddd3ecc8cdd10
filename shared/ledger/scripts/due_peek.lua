-- Counts one shard of the due list.
-- KEYS[1] times (see schedule.lua)
-- Returns {all, due now}.
return {
  int(redis.call('ZCARD', KEYS[1])),
  int(redis.call('ZCOUNT', KEYS[1], '-inf', int(now_ms()))),
}
