-- Writes into Redis what PostgreSQL has of a world, unless another server made
-- it hold another world meanwhile. Of a world that it holds already, totals
-- only grow: a greater one is later than what is written here.
--
-- KEYS  world, remaining, then one ranking for each day
-- ARGV  the world that was found here before ('' for none), the world,
--       the number of policies, for each: id, remaining;
--       then sales: which of the rankings (from 1), total, product
-- Gives how many entries were missing, or -1 if it was not done.
local found = redis.call('GET', KEYS[1]) or ''
if found ~= ARGV[1] then
    return -1
end
if found ~= ARGV[2] then
    redis.call('DEL', unpack(KEYS))
end
local missing = 0
local policies_end = 3 + 2 * tonumber(ARGV[3])
for i = 4, policies_end, 2 do
    missing = missing + redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
end
for i = policies_end + 1, #ARGV, 3 do
    local ranking = KEYS[2 + tonumber(ARGV[i])]
    missing = missing + redis.call('ZADD', ranking, 'GT', ARGV[i + 1], ARGV[i + 2])
    redis.call('EXPIRE', ranking, 432000)
end
redis.call('SET', KEYS[1], ARGV[2])
return missing
