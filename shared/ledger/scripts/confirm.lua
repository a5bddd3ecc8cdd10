-- Makes a reservation a confirmed claim.
-- KEYS[1] claim
-- ARGV[1] base  ARGV[2] generation  ARGV[3] token  ARGV[4] phase  ARGV[5] deadline in (ms)
-- Returns {ok | not_holder, claim}. A missing claim is created again: Redis
-- forgot it between reserving and confirming. What a later stage has reported
-- in the meantime stands.
local c, found = load(KEYS[1])
local now = now_ms()
if not found then
  c = forgotten(ARGV[1], ARGV[2], now)
  c.t, c.s = ARGV[3], 'r'
end
if not same(c, ARGV[1], ARGV[2]) or c.t ~= ARGV[3] then return reply('not_holder', c) end
if c.s == 'r' then
  c.s, c.d = 'c', int(now + tonumber(ARGV[5]))
  if c.p == '' then c.p = ARGV[4] end
  save(KEYS[1], c, now)
end
return reply('ok', c)
