-- Takes an event out of a stage's inbox.
-- KEYS[1] turn, a hash {b packed reply when done; t token, u leased until (ms), n attempts,
--         c the call that leased it}
-- ARGV[1] lease (ms)  ARGV[2] keep (ms) beyond the lease  ARGV[3] call
-- Returns {fresh, token, attempt} | {running, remaining ms} | {done, packed reply}.
-- A call that the client sends again, because the reply got lost, meets its own
-- lease: it is answered as the first time.
local v = redis.call('HMGET', KEYS[1], 'b', 't', 'u', 'n', 'c')
if v[1] then return {'done', v[1]} end
local now = now_ms()
local left = (tonumber(v[3] or 0) or 0) - now
if left > 0 then
  if v[5] == ARGV[3] then return {'fresh', v[2], v[4]} end
  return {'running', int(left)}
end
local token = next_token(v[2], now)
local attempt = int((tonumber(v[4] or 0) or 0) + 1)
redis.call('HSET', KEYS[1], 't', token, 'u', int(now + tonumber(ARGV[1])), 'n', attempt, 'c', ARGV[3])
redis.call('PEXPIRE', KEYS[1], int(tonumber(ARGV[1]) + tonumber(ARGV[2])))
return {'fresh', token, attempt}
