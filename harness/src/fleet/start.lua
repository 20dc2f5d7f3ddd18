-- Sets the start of a run, if every process of it is there; else says who is not.
local run, members, beats = KEYS[1], KEYS[2], KEYS[3]
local start, silence = ARGV[1], tonumber(ARGV[2])

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local missing = {}
for index = 0, tonumber(redis.call('HGET', run, 'workers')) do
  local beat = redis.call('HGET', beats, index)
  local there = redis.call('HEXISTS', members, index) == 1
  if not there or not beat or now - beat > silence then table.insert(missing, index) end
end
if #missing == 0 then redis.call('HSETNX', run, 'start', start) end
return missing
