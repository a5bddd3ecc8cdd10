-- Forgets a loss whose end was told.
-- KEYS[1] heartbeat (see beat.lua)
-- ARGV[1] since (ms), which names the loss
-- Returns {ok} | {other}: it is another loss by now.
if redis.call('HGET', KEYS[1], 's') ~= ARGV[1] then return {'other'} end
redis.call('HDEL', KEYS[1], 's', 'b')
return {'ok'}
