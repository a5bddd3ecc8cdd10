-- Ends a step and gives the lock on the claim's workload back.
-- KEYS[1] claim  KEYS[2] lock
-- ARGV[1] base  ARGV[2] generation  ARGV[3] step  ARGV[4] holder  ARGV[5] token
-- ARGV[6] 1 if the step was applied
-- Returns {ok} | {lost}: the lock had passed to somebody else, whose own mark
-- and lock stay. An expired lock that nobody took is ok.
local c, found = load(KEYS[1])
local now = now_ms()
local lock = redis.call('HMGET', KEYS[2], 'h', 't')
local ours = lock[1] == ARGV[4] and lock[2] == ARGV[5]
if ours then redis.call('DEL', KEYS[2]) end
-- The same step under a newer token is still at work: its mark stays.
local rerun = lock[1] == ARGV[4] and not ours
if found and same(c, ARGV[1], ARGV[2]) and not rerun then
  if c.e == ARGV[3] then c.e = '' end
  if ARGV[6] == '1' then c.a = ARGV[3] end
  save(KEYS[1], c, now)
end
if lock[1] and not ours then return {'lost'} end
return {'ok'}
