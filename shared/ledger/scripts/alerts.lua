-- Prelude of the scripts on the alerts that joined a remediation, a hash:
--   <alert id>      "<startsAt ms>:<endsAt ms or empty>"
--   #i:<alert id>   "<first seen ms>:<last seen ms>:<times>:<x if it ended by expiry>:<severity>:<name>"
--   #t:<topic>      the urgency in which alerts of that name were told of
--   #alerts, #firing, #excess, #told   counters
-- Alert ids never begin with #. Those that begin with moment- tell of a moment:
-- nobody ever says that one ended, so they never count as firing.

local function ends_some_day(id) return string.sub(id, 1, 7) ~= 'moment-' end

-- seen is an alert's note after it was seen once more.
local function seen(before, now, severity, name)
  local first, times = string.match(before or '', '^(%d+):%d+:(%d+):')
  return (first or int(now)) .. ':' .. int(now) .. ':' .. int((tonumber(times) or 0) + 1) .. '::' .. severity .. ':' .. name
end

-- marked is a note with the mark of how its alert ended.
local function marked(before, mark)
  local head, tail = string.match(before, '^(%d+:%d+:%d+:)[^:]*(:.*)$')
  if not head then return before end
  return head .. mark .. tail
end
