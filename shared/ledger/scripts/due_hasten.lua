-- Moves an item that waits to an earlier time, never to a later one.
-- KEYS[1] times  KEYS[2] items  KEYS[3] leases (see schedule.lua)
-- ARGV[1] id  ARGV[2] due in (ms)
-- Returns {moved | kept | missing}. A leased item is kept: somebody is at it.
local id = ARGV[1]
local known = redis.call('ZSCORE', KEYS[1], id)
if not known or redis.call('HEXISTS', KEYS[2], id) == 0 then return {'missing'} end
local token = string.match(redis.call('HGET', KEYS[3], id) or '', '^(%d+):')
if token and token ~= '0' then return {'kept'} end
local at = now_ms() + tonumber(ARGV[2])
if at >= tonumber(known) then return {'kept'} end
redis.call('ZADD', KEYS[1], int(at), id)
return {'moved'}
