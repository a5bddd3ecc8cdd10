-- Forbids execution, unless a step was started before.
-- KEYS[1] claim
-- ARGV[1] base  ARGV[2] generation  ARGV[3] deadline in (ms) of a claim to create
-- Returns {cancelled | too_late | settled | not_holder, claim}. A missing claim
-- is created as cancelled, so that an execution that starts later meets it.
local c, found = load(KEYS[1])
local now = now_ms()
if not found then
  c = fresh(ARGV[1], ARGV[2], now)
  c.s, c.d = 'c', int(now + tonumber(ARGV[3]))
end
if not same(c, ARGV[1], ARGV[2]) then return reply('not_holder', c) end
if c.s == 's' then return reply('settled', c) end
if c.e ~= '' or c.a ~= '' then return reply('too_late', c) end
c.x = '1'
save(KEYS[1], c, now)
return reply('cancelled', c)
