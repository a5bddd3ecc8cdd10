-- Remembers that people were told of an alert that joined a remediation.
-- KEYS[1] alerts (see alerts.lua)
-- ARGV[1] topic of its name  ARGV[2] urgency  ARGV[3] keep (ms)
-- Returns {ok}.
local before = redis.call('HGET', KEYS[1], '#t:' .. ARGV[1])
if not before then redis.call('HINCRBY', KEYS[1], '#told', 1) end
if not before or tonumber(ARGV[2]) > tonumber(before) then
  redis.call('HSET', KEYS[1], '#t:' .. ARGV[1], ARGV[2])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {'ok'}
