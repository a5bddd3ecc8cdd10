-- Prelude of the scripts on limits, sorted sets {remediation -> admitted at (ms)}.
-- tripped is the first limit that refuses the remediation ARGV[1], as the number
-- of its key, and what it counts; nothing if none does.
-- KEYS[1] pause  KEYS[2..] limits
-- ARGV[1] remediation, then for each limit: its max, its window (ms)
local function tripped(now)
  for i = 2, #KEYS do
    local since = now - tonumber(ARGV[2 * i - 1])
    local at = tonumber(redis.call('ZSCORE', KEYS[i], ARGV[1]) or 0)
    if at <= since then
      local count = redis.call('ZCOUNT', KEYS[i], '(' .. int(since), '+inf')
      if count >= tonumber(ARGV[2 * i - 2]) then return i, count end
    end
  end
end
