-- Leads from an alert to the claim that it joined.
-- KEYS[1] alert, a hash {f fingerprint, r remediation, s startsAt ms}
-- ARGV[1] fingerprint  ARGV[2] remediation  ARGV[3] startsAt (ms)  ARGV[4] keep (ms)
-- Returns {ok} | {stale}: a later episode is known.
local starts = tonumber(redis.call('HGET', KEYS[1], 's') or 0)
if tonumber(ARGV[3]) < starts then return {'stale'} end
redis.call('HSET', KEYS[1], 'f', ARGV[1], 'r', ARGV[2], 's', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {'ok'}
