-- Checks that a remediation is not cancelled, marks a step as executing and
-- takes the lock on the claim's workload, all or nothing.
-- KEYS[1] claim  KEYS[2] lock, a hash {h holder, t token}
-- ARGV[1] base  ARGV[2] generation  ARGV[3] step  ARGV[4] holder  ARGV[5] lease (ms)
-- Returns {acquired, token} | {busy, holder} | {cancelled} | {settled} | {not_holder}.
-- The same holder gets the lock again with a new token. A missing claim is
-- created again: Redis forgot it.
local c, found = load(KEYS[1])
local now = now_ms()
local lease = tonumber(ARGV[5])
if not found or (not same(c, ARGV[1], ARGV[2]) and succeeds(c, ARGV[2])) then
  c = forgotten(ARGV[1], ARGV[2], now)
end
if not same(c, ARGV[1], ARGV[2]) then return {'not_holder'} end
if c.s == 's' then return {'settled'} end
if c.x == '1' then return {'cancelled'} end
local lock = redis.call('HMGET', KEYS[2], 'h', 't')
if lock[1] and lock[1] ~= ARGV[4] then return {'busy', lock[1]} end

local token = next_token(lock[2], now)
redis.call('HSET', KEYS[2], 'h', ARGV[4], 't', token)
redis.call('PEXPIRE', KEYS[2], int(lease))
c.s, c.e = 'c', ARGV[3]
c.d = int(math.max(tonumber(c.d) or 0, now + lease))
save(KEYS[1], c, now)
return {'acquired', token}
