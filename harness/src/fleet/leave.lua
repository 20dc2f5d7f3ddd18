-- One process goes, so that its index is free for the next run.
local members, beats, states = KEYS[2], KEYS[3], KEYS[4]
local index, token = ARGV[1], ARGV[2]

local member = redis.call('HGET', members, index)
if member and cjson.decode(member).token == token then
  for _, key in ipairs({members, beats, states}) do redis.call('HDEL', key, index) end
end
return redis.call('HLEN', members)
