-- Ends a remediation.
-- KEYS[1] claim
-- ARGV[1] base  ARGV[2] generation  ARGV[3] outcome  ARGV[4] cooldown (ms)
-- Returns {ok | not_holder | settled, claim}. Idempotent: the first outcome stands
-- and a repetition of it can only shorten the cooldown. Any other is answered with
-- settled, and changes nothing. A missing claim is recorded.
local c, found = load(KEYS[1])
local now = now_ms()
if not found or (not same(c, ARGV[1], ARGV[2]) and succeeds(c, ARGV[2])) then
  c = fresh(ARGV[1], ARGV[2], now)
end
if not same(c, ARGV[1], ARGV[2]) then return reply('not_holder', c) end
local cooldown = now + tonumber(ARGV[4])
if c.s == 's' then
  if c.o ~= ARGV[3] then return reply('settled', c) end
  c.u = int(math.min(tonumber(c.u), cooldown))
else
  c.s, c.o, c.u, c.d, c.e = 's', ARGV[3], int(cooldown), '', ''
end
save(KEYS[1], c, now)
return reply('ok', c)
