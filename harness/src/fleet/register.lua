-- One process comes to a run, or is refused. All of it happens at once, or none.
local run, members, beats, states = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local index, token, version, digest, weight, host = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local workers, silence, kept = ARGV[7], tonumber(ARGV[8]), ARGV[9]

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function get(field) return redis.call('HGET', run, field) end
local function alive(process)
  local beat = redis.call('HGET', beats, process)
  return beat and now - beat <= silence
end

-- A run of which nobody is left is over, whether or not its lead could say so.
local anybody = false
for _, process in ipairs(redis.call('HKEYS', members)) do
  anybody = anybody or alive(process)
end
if not anybody then redis.call('DEL', run, members, beats, states) end

local member = redis.call('HGET', members, index)
if member then
  member = cjson.decode(member)
  -- The same process again: the answer to its first call was lost.
  if member.token == token then return {'registered', get('generation')} end
end
-- Its processes are about to leave.
if get('over') then return {'over', ''} end

local known = get('version')
if known and known ~= version then return {'version', known} end
known = get('digest')
if known and digest ~= '' and known ~= digest then return {'configuration', known} end
known = get('workers')
if known and tonumber(index) > tonumber(known) then return {'beyond', known} end

if member and alive(index) then return {'taken', member.host} end
if get('start') then return {'late', get('start')} end

redis.call('HSET', run, 'version', version)
if digest ~= '' then redis.call('HSET', run, 'digest', digest) end
if workers ~= '' then redis.call('HSET', run, 'workers', workers) end
redis.call('HSETNX', run, 'generation', token)
redis.call('HDEL', states, index)
redis.call('HSET', members, index, cjson.encode({token = token, weight = tonumber(weight), host = host}))
redis.call('HSET', beats, index, string.format('%d', now))
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, kept) end
return {'registered', get('generation')}
