-- Says what admit would answer, and changes nothing.
-- KEYS, ARGV as limits.lua says
-- Returns {ok} | {paused} | {tripped, number of the limit from 1, count}.
if redis.call('EXISTS', KEYS[1]) == 1 then return {'paused'} end
local i, count = tripped(now_ms())
if i then return {'tripped', int(i - 1), int(count)} end
return {'ok'}
