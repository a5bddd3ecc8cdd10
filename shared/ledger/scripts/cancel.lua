-- Forbids execution, unless a step was started before or may have been, or an
-- alert has joined since the last of them was seen to end. Nothing is waited for
-- any more but that somebody settles it: its deadline comes forward.
-- KEYS[1] claim   KEYS[2] alerts of the remediation (see alerts.lua)
-- ARGV[1] base  ARGV[2] generation  ARGV[3] settled in (ms), at most
-- Returns {cancelled | too_late | still_firing | settled | not_holder, claim}. A missing claim
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
local counts = redis.call('HMGET', KEYS[2], '#firing', '#excess')
if (tonumber(counts[1]) or 0) + (tonumber(counts[2]) or 0) > 0 then return reply('still_firing', c) end
c.x = '1'
local at = now + tonumber(ARGV[3])
c.d = int(math.min(tonumber(c.d) or at, at))
save(KEYS[1], c, now)
return reply('cancelled', c)
