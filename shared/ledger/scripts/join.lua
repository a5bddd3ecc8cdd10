-- Remembers a firing alert of a remediation.
-- KEYS[1] alerts, a hash {alert id -> "<startsAt ms>:<endsAt ms or empty>",
--         #alerts, #firing, #excess -> counters}
-- ARGV[1] alert id  ARGV[2] startsAt (ms)  ARGV[3] most alerts  ARGV[4] keep (ms)
-- Returns {joined | stale | excess}.
redis.call('PEXPIRE', KEYS[1], ARGV[4])
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known then
  local starts, ends = string.match(known, '^(%d+):(%d*)$')
  if tonumber(ARGV[2]) < tonumber(starts) then return {'stale'} end
  if ends ~= '' then redis.call('HINCRBY', KEYS[1], '#firing', 1) end
else
  local n = tonumber(redis.call('HGET', KEYS[1], '#alerts') or 0)
  if n >= tonumber(ARGV[3]) then
    redis.call('HINCRBY', KEYS[1], '#excess', 1)
    return {'excess'}
  end
  redis.call('HINCRBY', KEYS[1], '#alerts', 1)
  redis.call('HINCRBY', KEYS[1], '#firing', 1)
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':')
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {'joined'}
