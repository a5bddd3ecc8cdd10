-- Puts an item on the due list.
-- KEYS[1] times, a sorted set {id -> due at (ms)}   KEYS[2] items, a hash {id -> body}
-- KEYS[3] leases, a hash {id -> "<token>:<attempt>"}; token 0 is no lease
-- ARGV[1] id  ARGV[2] body  ARGV[3] due in (ms)
-- ARGV[4] what to do with an item of that id: move | move_time | later | keep
-- ARGV[5] most items that the list may hold, 0 for any number
-- Returns {created | moved | kept} | {full}: it is not there, and has no room.
-- Moving ends a lease and keeps the count of attempts.
local id, mode = ARGV[1], ARGV[4]
local at = now_ms() + tonumber(ARGV[3])
local known = redis.call('ZSCORE', KEYS[1], id)
if known and redis.call('HEXISTS', KEYS[2], id) == 0 then known = false end
if not known then
  local most = tonumber(ARGV[5])
  if most > 0 and redis.call('ZCARD', KEYS[1]) >= most then return {'full'} end
  redis.call('ZADD', KEYS[1], int(at), id)
  redis.call('HSET', KEYS[2], id, ARGV[2])
  redis.call('HDEL', KEYS[3], id)
  return {'created'}
end
if mode == 'keep' then return {'kept'} end
if mode == 'later' then at = math.max(at, tonumber(known)) end
if mode == 'move' then redis.call('HSET', KEYS[2], id, ARGV[2]) end
redis.call('ZADD', KEYS[1], int(at), id)
local attempt = string.match(redis.call('HGET', KEYS[3], id) or '', ':(%d+)$')
if attempt then redis.call('HSET', KEYS[3], id, '0:' .. attempt) end
return {'moved'}
