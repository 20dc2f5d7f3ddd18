-- One process is still there. It hears when the lead was last, the start, and the stop.
local run, members, beats = KEYS[1], KEYS[2], KEYS[3]
local index, token, kept = ARGV[1], ARGV[2], ARGV[3]

local member = redis.call('HGET', members, index)
if not member or cjson.decode(member).token ~= token then return {'gone'} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', beats, index, string.format('%d', now))
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, kept) end
local lead = redis.call('HGET', beats, 0)
return {'there', lead and tostring(now - lead) or '', redis.call('HGET', run, 'start') or '', redis.call('HGET', run, 'stop') or ''}
