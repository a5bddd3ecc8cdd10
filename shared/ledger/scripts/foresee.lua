-- Says what reserve would answer, and changes nothing.
-- KEYS[1] claim
-- Returns {opened | taken_over | pending | duplicate | cooling_down, claim as it
-- is}, or {opened} if there is none.
local c, found = load(KEYS[1])
local word = meeting(c, found, now_ms())
if not found then return {word} end
return reply(word, c)
