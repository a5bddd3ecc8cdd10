-- Prelude of every script: the Redis server's clock, and numbers as Redis and
-- Lua agree on them (a plain tostring would write large ones as 1.7e+12).
local function now_ms()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local function int(n)
  return string.format('%.0f', tonumber(n))
end

-- next_token fences: higher than the one before, and higher than any that was
-- handed out before Redis forgot it.
local function next_token(before, now)
  local t = tonumber(before) or 0
  if t >= now then return int(t + 1) end
  return int(now)
end
