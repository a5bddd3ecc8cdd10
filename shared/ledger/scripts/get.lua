-- Reads a claim.
-- KEYS[1] claim
-- Returns {'ok', claim} or {'missing'}.
local c, found = load(KEYS[1])
if not found then return {'missing'} end
return reply('ok', c)
