-- Marks an alert of a remediation as resolved.
-- KEYS[1] alerts (see alerts.lua)
-- ARGV[1] alert id  ARGV[2] startsAt (ms)  ARGV[3] endsAt (ms), 0 for now
-- ARGV[4] x if it ends because nobody posted it again, empty if its sender says so
-- Returns {resolved, still firing} | {stale} | {unknown} | {over}: it ended otherwise before it expired.
-- Those that were only counted are firing for all we know.
local known = redis.call('HGET', KEYS[1], ARGV[1])
if not known then return {'unknown'} end
local starts, ends = string.match(known, '^(%d+):(%d*)$')
if tonumber(ARGV[2]) < tonumber(starts) then return {'stale'} end
if ends == '' then
  local at = ARGV[3]
  if at == '0' then at = int(now_ms()) end
  redis.call('HSET', KEYS[1], ARGV[1], starts .. ':' .. at)
  if ends_some_day(ARGV[1]) then redis.call('HINCRBY', KEYS[1], '#firing', -1) end
elseif ARGV[4] == 'x' and ends ~= ARGV[3] then
  return {'over'}
end
local note = redis.call('HGET', KEYS[1], '#i:' .. ARGV[1])
if note then redis.call('HSET', KEYS[1], '#i:' .. ARGV[1], marked(note, ARGV[4])) end
local firing = tonumber(redis.call('HGET', KEYS[1], '#firing') or 0)
local excess = tonumber(redis.call('HGET', KEYS[1], '#excess') or 0)
return {'resolved', int(firing + excess)}
