-- Takes in a report that something fails, or that it is well.
-- KEYS[1] episode, a hash of times in ms; by the clock of whoever reports:
--   s the failure began   f it failed last   w it was well last   e it ended
--   and by Redis' clock: fm, wm when that f and w came; t is 1 once the end was told
-- ARGV[1] fails | well   ARGV[2] at (ms)   ARGV[3] keep without a report (ms)
-- ARGV[4] how long ago (ms) the last contrary report has to have come to be outweighed
--   by this one whatever their times say, 0 for never
-- Returns {lasts, s} | {ended, s, e} | {past}: a contrary report is later
--   | {over}: it ended before, and that was told | {unknown}: well, and no failure is known
local at, now = tonumber(ARGV[2]), now_ms()
local r = redis.call('HMGET', KEYS[1], 's', 'f', 'w', 'e', 't', 'fm', 'wm')
local s, f, w, e, t = r[1], r[2], r[3], r[4], r[5]

local function outweighed(came)
  return ARGV[4] ~= '0' and came and now - tonumber(came) >= tonumber(ARGV[4])
end

local function keep(...)
  redis.call('HSET', KEYS[1], ...)
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end

if ARGV[1] == 'fails' then
  if w and at <= tonumber(w) then
    if not outweighed(r[7]) then return {'past'} end
    -- It failed after all, and so after it was said to be well.
    at = tonumber(w) + 1
    redis.call('HDEL', KEYS[1], 'w', 'wm')
  end
  if not s or e then
    redis.call('HDEL', KEYS[1], 'e', 't')
    s, f = int(at), at
  end
  keep('s', s, 'f', int(math.max(at, tonumber(f))), 'fm', int(now))
  return {'lasts', s}
end

if not s then return {'unknown'} end
if e then
  if not w or at > tonumber(w) then keep('w', int(at), 'wm', int(now)) end
  if t and at ~= tonumber(e) then return {'over'} end
  return {'ended', s, e}
end
if at < tonumber(f) then
  if not outweighed(r[6]) then return {'past'} end
  at = tonumber(f)
end
keep('e', int(at), 'w', int(math.max(at, tonumber(w or 0))), 'wm', int(now))
return {'ended', s, int(at)}
