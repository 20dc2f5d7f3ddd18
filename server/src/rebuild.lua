-- Makes Redis hold a world as PostgreSQL has it, unless another server was
-- faster.
--
-- KEYS  world, remaining, periods, claims, then one ranking for each day
-- ARGV  the world that was found here before ('' for none), the new world,
--       the number of policies, for each: id, remaining, starts, ends (ms);
--       then sales: which of the rankings (from 1), total, product
-- Gives 1 if it was done, 0 if another world stands here by now.
local found = redis.call('GET', KEYS[1]) or ''
if found ~= ARGV[1] then
    return 0
end
redis.call('DEL', KEYS[2], KEYS[3], unpack(KEYS, 5))
if found ~= '' then
    -- Claims of an earlier world; the group stays.
    redis.call('XTRIM', KEYS[4], 'MAXLEN', 0)
end
local policies_end = 3 + 4 * tonumber(ARGV[3])
for i = 4, policies_end, 4 do
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
    redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 2] .. ' ' .. ARGV[i + 3])
end
for i = policies_end + 1, #ARGV, 3 do
    local ranking = KEYS[4 + tonumber(ARGV[i])]
    redis.call('ZADD', ranking, ARGV[i + 1], ARGV[i + 2])
    redis.call('EXPIRE', ranking, 432000)
end
redis.call('SET', KEYS[1], ARGV[2])
return 1
