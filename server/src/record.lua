-- Writes a day's totals into its ranking. Totals only grow within a world, so
-- the greater one is the later one, and writing it twice changes nothing.
--
-- KEYS  world, ranking
-- ARGV  the world that the totals are of, then total, product for each
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return
end
redis.call('ZADD', KEYS[2], 'GT', unpack(ARGV, 2))
redis.call('EXPIRE', KEYS[2], 432000)
