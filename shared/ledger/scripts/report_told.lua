-- Remembers that the end of an episode was told.
-- KEYS[1] episode (see report.lua)
-- ARGV[1] e, its end (ms)
-- Returns {ok} | {other}: it goes on, or is not known any more.
if redis.call('HGET', KEYS[1], 'e') ~= ARGV[1] then return {'other'} end
redis.call('HSET', KEYS[1], 't', '1')
return {'ok'}
