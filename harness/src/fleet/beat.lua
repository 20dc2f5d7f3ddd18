-- One process is still there, and says how far it is. It hears when the lead was last, and what all
-- are told.
local run, members, beats, states = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local index, token, kept, state = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local member = redis.call('HGET', members, index)
if not member or cjson.decode(member).token ~= token then return {'gone'} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', beats, index, string.format('%d', now))
redis.call('HSET', states, index, state)
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, kept) end
local lead = redis.call('HGET', beats, 0)
local function told(field) return redis.call('HGET', run, field) or '' end
return {'there', lead and tostring(now - lead) or '', told('start'), told('stop'), told('cut'), told('over')}
