-- Counts alerts that were joined before against a claim whose remediation is
-- under way, and joins them again: what most alerts need, in one call.
-- KEYS[1] claim   KEYS[2] alerts of the remediation (see alerts.lua)
-- ARGV[1] base    ARGV[2] generation of the remediation that they had joined
-- ARGV[3] most alerts   ARGV[4] keep alerts (ms)
-- ARGV[5...] alert id, startsAt (ms), severity, name, for each alert
-- Returns {duplicate, claim}, or {other} without any effect when that
-- remediation no longer holds a live, confirmed claim.
local c, found = load(KEYS[1])
local now = now_ms()
if not (found and c.s == 'c' and c.x ~= '1' and tonumber(c.d) > now and same(c, ARGV[1], ARGV[2])) then return {'other'} end

c.n, c.l = int((tonumber(c.n) or 0) + (#ARGV - 4) / 4), int(now)
redis.call('HSET', KEYS[1], 'n', c.n, 'l', c.l)

local fields, n = {}, (#ARGV - 4) / 4
for i = 1, n do
  fields[i], fields[n + i] = ARGV[1 + 4 * i], '#i:' .. ARGV[1 + 4 * i]
end
local known = redis.call('HMGET', KEYS[2], unpack(fields))
local changed, notes = {}, {}
for i = 1, n do
  local id, starts = fields[i], ARGV[2 + 4 * i]
  -- An alert named twice is known by the second time only from the first.
  local value, note = changed[id] or known[i], notes[id] or known[n + i]
  local stored = true
  if not value then
    stored = tonumber(redis.call('HGET', KEYS[2], '#alerts') or 0) < tonumber(ARGV[3])
    if stored then
      redis.call('HINCRBY', KEYS[2], '#alerts', 1)
      if ends_some_day(id) then redis.call('HINCRBY', KEYS[2], '#firing', 1) end
      changed[id] = starts .. ':'
    else
      redis.call('HINCRBY', KEYS[2], '#excess', 1)
    end
  elseif value ~= starts .. ':' then
    local before, ends = string.match(value, '^(%d+):(%d*)$')
    stored = tonumber(starts) >= tonumber(before)
    if stored then
      if ends ~= '' and ends_some_day(id) then redis.call('HINCRBY', KEYS[2], '#firing', 1) end
      changed[id] = starts .. ':'
    end
  end
  if stored then notes[id] = seen(note, now, ARGV[3 + 4 * i], ARGV[4 + 4 * i]) end
end
local set = {}
for id, value in pairs(changed) do
  set[#set + 1], set[#set + 2] = id, value
end
for id, note in pairs(notes) do
  set[#set + 1], set[#set + 2] = '#i:' .. id, note
end
if #set > 0 then redis.call('HSET', KEYS[2], unpack(set)) end
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return reply('duplicate', c)
