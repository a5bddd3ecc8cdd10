-- Gives a turn back undone, if it is still ours and not done.
-- KEYS[1] turn (see begin.lua)
-- ARGV[1] token
-- Returns {ok} | {lost}. Token and attempts stay, so that they go on rising.
local v = redis.call('HMGET', KEYS[1], 't', 'b')
if v[1] and v[1] ~= ARGV[1] then return {'lost'} end
if v[1] and not v[2] then redis.call('HSET', KEYS[1], 'u', '0') end
return {'ok'}
