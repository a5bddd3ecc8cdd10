-- Creates a record unless there is one.
-- KEYS[1] record
-- ARGV[1] packed value  ARGV[2] keep (ms)
-- Returns {stored} | {kept, the packed value that was there}.
local kept = redis.call('GET', KEYS[1])
if kept then return {'kept', kept} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {'stored'}
