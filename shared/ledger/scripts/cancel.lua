-- Forbids execution, unless a step was started before or may have been.
-- KEYS[1] claim
-- ARGV[1] base  ARGV[2] generation
-- Returns {cancelled | too_late | settled | not_holder, claim}. A missing claim
-- is too late and stays missing: Redis forgot it, and with it whether anything
-- was executed.
local c, found = load(KEYS[1])
local now = now_ms()
if not found then
  c = forgotten(ARGV[1], ARGV[2], now)
  c.s = 'c'
  return reply('too_late', c)
end
if not same(c, ARGV[1], ARGV[2]) then return reply('not_holder', c) end
if c.s == 's' then return reply('settled', c) end
if c.e ~= '' or c.a ~= '' then return reply('too_late', c) end
c.x = '1'
save(KEYS[1], c, now)
return reply('cancelled', c)
