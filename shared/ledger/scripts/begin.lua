-- Takes an event out of a stage's inbox.
-- KEYS[1] turn, a hash {b packed reply when done; t token, u leased until (ms), n attempts}
-- ARGV[1] lease (ms)  ARGV[2] keep (ms) beyond the lease
-- Returns {fresh, token, attempt} | {running, remaining ms} | {done, packed reply}.
local v = redis.call('HMGET', KEYS[1], 'b', 't', 'u', 'n')
if v[1] then return {'done', v[1]} end
local now = now_ms()
local left = (tonumber(v[3] or 0) or 0) - now
if left > 0 then return {'running', int(left)} end
local token = next_token(v[2], now)
local attempt = int((tonumber(v[4] or 0) or 0) + 1)
redis.call('HSET', KEYS[1], 't', token, 'u', int(now + tonumber(ARGV[1])), 'n', attempt)
redis.call('PEXPIRE', KEYS[1], int(tonumber(ARGV[1]) + tonumber(ARGV[2])))
return {'fresh', token, attempt}
