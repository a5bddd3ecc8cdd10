-- Prelude of the scripts on a claim, a hash of one-letter fields (the record
-- has to stay below 300 bytes):
--   b base of the remediation id     g generation          t fencing token
--   s state: r reserved, c confirmed, s settled             p phase
--   o outcome   d deadline (ms)      n duplicates          f first seen (ms)
--   l last seen (ms)                 x 1 if cancelled      e executing step
--   a executed step, ? if forgotten  u cooldown until (ms)
-- Beside them k is the call that reserved and the word that it was answered with;
-- the next save drops it. An absent field is ''. Replies are {word, the fields in this order}, or
-- {word} if there is no claim.
local FIELDS = {'b', 'g', 't', 's', 'p', 'o', 'd', 'n', 'f', 'l', 'x', 'e', 'a', 'u'}

local function load(key)
  local v = redis.call('HMGET', key, unpack(FIELDS))
  local c = {}
  for i, f in ipairs(FIELDS) do c[f] = v[i] or '' end
  return c, c.s ~= ''
end

local function fresh(base, generation, now)
  local c = {}
  for _, f in ipairs(FIELDS) do c[f] = '' end
  c.b, c.g, c.t, c.f, c.l = base, int(generation), int(now), int(now), int(now)
  return c
end

-- forgotten is a claim that is created again because Redis lost it: whether
-- anything was executed under it, nobody here knows.
local function forgotten(base, generation, now)
  local c = fresh(base, generation, now)
  c.a = '?'
  return c
end

local function save(key, c, now)
  local args = {}
  for _, f in ipairs(FIELDS) do
    if c[f] ~= '' then
      args[#args + 1] = f
      args[#args + 1] = c[f]
    end
  end
  redis.call('DEL', key)
  redis.call('HSET', key, unpack(args))
  local live = math.max(tonumber(c.d) or 0, tonumber(c.u) or 0, now) - now
  redis.call('PEXPIRE', key, int(live + RETENTION))
end

local function same(c, base, generation)
  return c.b == base and tonumber(c.g) == tonumber(generation)
end

-- succeeds says that a settled record belongs to an earlier remediation than
-- the given one, whose opening Redis must have lost in a failover.
local function succeeds(c, generation)
  return c.s == 's' and tonumber(generation) > tonumber(c.g)
end

local function reply(word, c)
  local r = {word}
  for _, f in ipairs(FIELDS) do r[#r + 1] = c[f] end
  return r
end
