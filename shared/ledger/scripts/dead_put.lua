-- Stores a dead letter, once per id, within bounds of number and age. One that is
-- there already was refused again: it is the newer one that counts, and who drops
-- what was listed before leaves it.
-- KEYS[1] bodies, a hash {id -> "<head>\n<event>"}
-- KEYS[2] first, the id of the owner's first dead letter
-- KEYS[3] removed, what was removed since this letter came
-- KEYS[4] the list that it goes to, a sorted set {id -> stored at (ms)}   KEYS[5...] the other lists
-- ARGV[1] id  ARGV[2] body  ARGV[3] most letters of its list  ARGV[4] keep letters (ms)
-- ARGV[5] keep what was removed (ms)
-- Returns {1 if this id is the owner's first, lines}: why (full | old), id and head of each letter that
-- was removed, or had been when the letter that is there came.
local now, keep = now_ms(), tonumber(ARGV[4])
local removed, known, list = {}, false, KEYS[4]
local function remove(from, ids, why)
  for _, id in ipairs(ids) do
    local head = string.match(redis.call('HGET', KEYS[1], id) or '', '^[^\n]*')
    redis.call('ZREM', from, id)
    redis.call('HDEL', KEYS[1], id)
    removed[#removed + 1] = why .. '\n' .. id .. '\n' .. head
  end
end

for i = 4, #KEYS do
  remove(KEYS[i], redis.call('ZRANGEBYSCORE', KEYS[i], '-inf', int(now - keep)), 'old')
  local stored = redis.call('ZSCORE', KEYS[i], ARGV[1])
  if stored then known, list = tonumber(stored), KEYS[i] end
end
redis.call('ZADD', list, int(math.max(now, (known or 0) + 1)), ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
local over = redis.call('ZCARD', KEYS[4]) - tonumber(ARGV[3])
if over > 0 then remove(KEYS[4], redis.call('ZRANGE', KEYS[4], 0, over - 1), 'full') end
-- The keys outlive the letters: it is here that those go, so that somebody tells.
redis.call('PEXPIRE', KEYS[1], int(2 * keep))
for i = 4, #KEYS do redis.call('PEXPIRE', KEYS[i], int(2 * keep)) end

local lines = table.concat(removed, '\n')
if lines ~= '' then
  redis.call('SET', KEYS[3], lines, 'PX', ARGV[5])
elseif known then
  lines = redis.call('GET', KEYS[3]) or ''
else
  redis.call('DEL', KEYS[3])
end
local first = redis.call('GET', KEYS[2])
if not first then
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[4])
  first = ARGV[1]
end
local is_first = '0'
if first == ARGV[1] then is_first = '1' end
return {is_first, lines}
