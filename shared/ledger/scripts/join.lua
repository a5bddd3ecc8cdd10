-- Remembers a firing alert of a remediation.
-- KEYS[1] alerts (see alerts.lua)
-- ARGV[1] alert id  ARGV[2] startsAt (ms)  ARGV[3] most alerts  ARGV[4] keep (ms)
-- ARGV[5] severity  ARGV[6] name  ARGV[7] topic of the name, empty for none  ARGV[8] urgency
-- ARGV[9] most topics  ARGV[10] 1 if the remediation's first event tells of this alert
-- Returns {joined | stale | excess, 1 if there is nothing to tell, urgency that was told before or ''}.
local now = now_ms()

-- untold: nobody was told of an alert of this name as urgent as this one. A
-- remediation has so many topics and no more: the rest is only counted.
local function answer(word)
  local before = redis.call('HGET', KEYS[1], '#t:' .. ARGV[7])
  local untold = ARGV[7] ~= ''
  if before then
    untold = tonumber(ARGV[8]) > tonumber(before)
  elseif tonumber(redis.call('HGET', KEYS[1], '#told') or 0) >= tonumber(ARGV[9]) then
    untold = false
  end
  return {word, untold and '0' or '1', before or ''}
end

redis.call('PEXPIRE', KEYS[1], ARGV[4])
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known then
  local starts, ends = string.match(known, '^(%d+):(%d*)$')
  if tonumber(ARGV[2]) < tonumber(starts) then return {'stale', '1', ''} end
  if ends ~= '' and ends_some_day(ARGV[1]) then redis.call('HINCRBY', KEYS[1], '#firing', 1) end
else
  local n = tonumber(redis.call('HGET', KEYS[1], '#alerts') or 0)
  if n >= tonumber(ARGV[3]) then
    redis.call('HINCRBY', KEYS[1], '#excess', 1)
    return answer('excess')
  end
  redis.call('HINCRBY', KEYS[1], '#alerts', 1)
  if ends_some_day(ARGV[1]) then redis.call('HINCRBY', KEYS[1], '#firing', 1) end
end
local note = seen(redis.call('HGET', KEYS[1], '#i:' .. ARGV[1]), now, ARGV[5], ARGV[6])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':', '#i:' .. ARGV[1], note)
if ARGV[10] == '1' and ARGV[7] ~= '' and redis.call('HSETNX', KEYS[1], '#t:' .. ARGV[7], ARGV[8]) == 1 then
  redis.call('HINCRBY', KEYS[1], '#told', 1)
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return answer('joined')
