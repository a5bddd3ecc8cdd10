-- Locks a workload that an action changes beside the claim's own.
-- KEYS[1] lock, a hash {h holder, t token}
-- ARGV[1] holder  ARGV[2] lease (ms)
-- Returns {acquired, token} | {busy, holder}. The same holder gets it again.
local lock = redis.call('HMGET', KEYS[1], 'h', 't')
if lock[1] and lock[1] ~= ARGV[1] then return {'busy', lock[1]} end
local token = next_token(lock[2], now_ms())
redis.call('HSET', KEYS[1], 'h', ARGV[1], 't', token)
redis.call('PEXPIRE', KEYS[1], int(tonumber(ARGV[2])))
return {'acquired', token}
