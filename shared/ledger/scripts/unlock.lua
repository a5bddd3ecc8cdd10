-- Gives a lock back if it is still ours.
-- KEYS[1] lock
-- ARGV[1] holder  ARGV[2] token
-- Returns {ok} | {lost}.
local lock = redis.call('HMGET', KEYS[1], 'h', 't')
if lock[1] ~= ARGV[1] or lock[2] ~= ARGV[2] then return {'lost'} end
redis.call('DEL', KEYS[1])
return {'ok'}
