-- What an alert meets that asks for the claim: the word that reserve acts on and
-- foresee only says. A remediation that was cancelled takes nobody in, for
-- nothing will come of it: who asks waits until it is settled, or replaces it
-- once its deadline has passed.
local function meeting(c, found, now)
  local held = found and tonumber(c.d) and tonumber(c.d) > now
  if c.s == 'c' and held and c.x == '1' then return 'pending' end
  if c.s == 'c' and held then return 'duplicate' end
  if c.s == 's' and tonumber(c.u) > now then return 'cooling_down' end
  if c.s == 'r' and held then return 'pending' end
  if found and c.s ~= 's' and c.x ~= '1' then return 'taken_over' end
  return 'opened'
end
