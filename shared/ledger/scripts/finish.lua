-- Records a turn's reply, if the turn is still ours.
-- KEYS[1] turn (see begin.lua)
-- ARGV[1] token  ARGV[2] packed reply  ARGV[3] keep (ms)
-- Returns {ok} | {lost}. Finishing twice with one token is ok; the first reply
-- stands. A turn that Redis forgot is recorded: nobody else has it.
local v = redis.call('HMGET', KEYS[1], 't', 'b')
if v[1] and v[1] ~= ARGV[1] then return {'lost'} end
if not v[2] then
  redis.call('HSET', KEYS[1], 't', ARGV[1], 'b', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return {'ok'}
