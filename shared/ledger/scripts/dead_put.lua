-- Stores a dead letter, once per id, within a bound of number and age.
-- KEYS[1] times, a sorted set {id -> stored at (ms)}  KEYS[2] bodies, a hash {id -> body}
-- KEYS[3] first, the id of the owner's first dead letter
-- ARGV[1] id  ARGV[2] body  ARGV[3] most letters  ARGV[4] keep (ms)
-- Returns {1 if this id is the owner's first, letters evicted by the bound}.
local now = now_ms()
local function remove(ids)
  for _, id in ipairs(ids) do
    redis.call('ZREM', KEYS[1], id)
    redis.call('HDEL', KEYS[2], id)
  end
  return #ids
end

remove(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', int(now - tonumber(ARGV[4]))))
if redis.call('ZADD', KEYS[1], 'NX', int(now), ARGV[1]) == 1 then
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
end
local evicted = 0
local over = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[3])
if over > 0 then evicted = remove(redis.call('ZRANGE', KEYS[1], 0, over - 1)) end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
local first = redis.call('GET', KEYS[3])
if not first then
  redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[4])
  first = ARGV[1]
end
local is_first = '0'
if first == ARGV[1] then is_first = '1' end
return {is_first, int(evicted)}
