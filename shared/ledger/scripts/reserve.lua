-- Opens, takes over, or counts against a claim.
-- KEYS[1] claim
-- ARGV[1] base for a new remediation id   ARGV[2] lease (ms)
-- ARGV[3] call
-- Returns {opened | taken_over | pending | duplicate | cooling_down, claim}.
-- A call that the client sends again, because the reply got lost, meets its own
-- reservation: it is answered as the first time. Counting is the exception: such
-- an alert may be counted twice.
local c, found = load(KEYS[1])
local now = now_ms()

local function count(word)
  c.n, c.l = int((tonumber(c.n) or 0) + 1), int(now)
  redis.call('HSET', KEYS[1], 'n', c.n, 'l', c.l)
  return reply(word, c)
end

local word = meeting(c, found, now)
if word == 'duplicate' or word == 'cooling_down' then return count(word) end
if word == 'pending' then
  local call, answered = string.match(redis.call('HGET', KEYS[1], 'k') or '', '^(%S+) (%S+)$')
  if call == ARGV[3] then return reply(answered, c) end
  return reply(word, c)
end

if word == 'taken_over' then
  c.t, c.l = next_token(c.t, now), int(now)
else
  local before = c.t
  c = fresh(ARGV[1], (tonumber(c.g) or 0) + 1, now)
  c.t = next_token(before, now)
end
c.s, c.d = 'r', int(now + tonumber(ARGV[2]))
save(KEYS[1], c, now)
redis.call('HSET', KEYS[1], 'k', ARGV[3] .. ' ' .. word)
return reply(word, c)
