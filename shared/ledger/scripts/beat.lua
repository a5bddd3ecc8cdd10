-- Notes that a heartbeat came.
-- KEYS[1] heartbeat, a hash {l last beat (ms), s since when it counts as lost (ms),
--         b when it came back (ms)}
-- ARGV[1] keep (ms)
-- Returns {ok}.
local now = int(now_ms())
redis.call('HSET', KEYS[1], 'l', now)
if redis.call('HEXISTS', KEYS[1], 's') == 1 then redis.call('HSETNX', KEYS[1], 'b', now) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return {'ok'}
