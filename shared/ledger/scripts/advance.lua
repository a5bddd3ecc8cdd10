-- Records a remediation's progress.
-- KEYS[1] claim
-- ARGV[1] base  ARGV[2] generation  ARGV[3] phase  ARGV[4] deadline in (ms)
-- Returns {ok | not_holder | settled, claim}. A missing claim is created again.
-- One that was cancelled gets no more time: nothing will come of what is reported.
local c, found = load(KEYS[1])
local now = now_ms()
if not found or (not same(c, ARGV[1], ARGV[2]) and succeeds(c, ARGV[2])) then
  c = forgotten(ARGV[1], ARGV[2], now)
end
if not same(c, ARGV[1], ARGV[2]) then return reply('not_holder', c) end
if c.s == 's' then return reply('settled', c) end
local at = now + tonumber(ARGV[4])
if c.x == '1' then at = math.min(tonumber(c.d) or at, at) end
c.s, c.p, c.d = 'c', ARGV[3], int(at)
save(KEYS[1], c, now)
return reply('ok', c)
