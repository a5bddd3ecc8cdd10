-- Counts alerts that were joined before against a claim whose remediation is
-- under way, and joins them again: what most alerts need, in one call.
-- KEYS[1] claim   KEYS[2] alerts of the remediation (see join.lua)
-- ARGV[1] base    ARGV[2] generation of the remediation that they had joined
-- ARGV[3] most alerts   ARGV[4] keep alerts (ms)
-- ARGV[5...] alert id, startsAt (ms), for each alert
-- Returns {duplicate, claim}, or {other} without any effect when that
-- remediation no longer holds a live, confirmed claim.
local c, found = load(KEYS[1])
local now = now_ms()
if not (found and c.s == 'c' and tonumber(c.d) > now and same(c, ARGV[1], ARGV[2])) then return {'other'} end

c.n, c.l = int((tonumber(c.n) or 0) + (#ARGV - 4) / 2), int(now)
redis.call('HSET', KEYS[1], 'n', c.n, 'l', c.l)

local ids = {}
for i = 5, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local known = redis.call('HMGET', KEYS[2], unpack(ids))
for i, id in ipairs(ids) do
  local starts = ARGV[4 + 2 * i]
  -- An alert named twice is known by the second time only to the hash itself.
  local value = known[i] or redis.call('HGET', KEYS[2], id)
  if not value then
    local n = tonumber(redis.call('HGET', KEYS[2], '#alerts') or 0)
    if n >= tonumber(ARGV[3]) then
      redis.call('HINCRBY', KEYS[2], '#excess', 1)
    else
      redis.call('HINCRBY', KEYS[2], '#alerts', 1)
      redis.call('HINCRBY', KEYS[2], '#firing', 1)
      redis.call('HSET', KEYS[2], id, starts .. ':')
    end
  elseif value ~= starts .. ':' then
    local before, ends = string.match(value, '^(%d+):(%d*)$')
    if tonumber(starts) >= tonumber(before) then
      if ends ~= '' then redis.call('HINCRBY', KEYS[2], '#firing', 1) end
      redis.call('HSET', KEYS[2], id, starts .. ':')
    end
  end
end
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return reply('duplicate', c)
