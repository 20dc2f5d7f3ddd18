-- Every process that has come: its index, how long nothing was heard of it, who it is, how far it is.
local members, beats, states = KEYS[2], KEYS[3], KEYS[4]

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local roll = {}
for _, index in ipairs(redis.call('HKEYS', members)) do
  local beat = redis.call('HGET', beats, index)
  table.insert(roll, {
    index,
    beat and tostring(now - beat) or '',
    redis.call('HGET', members, index),
    redis.call('HGET', states, index) or '',
  })
end
return roll
