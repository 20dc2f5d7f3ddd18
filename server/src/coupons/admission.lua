-- Admits claims as far as Redis knows that coupons remain. What it knows
-- nothing of it lets through, for PostgreSQL decides.
--
-- KEYS  world, remaining
-- ARGV  the world that the claims are made in, then the policy of each
-- Gives 1 for each that is admitted and 0 for each that is sold out; nothing
-- at all if Redis does not hold the world.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
    return false
end
local remaining = {}
local taken = {}
local answers = {}
for i = 2, #ARGV do
    local policy = ARGV[i]
    if not taken[policy] then
        remaining[policy] = tonumber(redis.call('HGET', KEYS[2], policy) or '')
        taken[policy] = 0
    end
    if remaining[policy] and remaining[policy] <= taken[policy] then
        answers[#answers + 1] = 0
    else
        taken[policy] = taken[policy] + 1
        answers[#answers + 1] = 1
    end
end
for policy in pairs(remaining) do
    if taken[policy] > 0 then
        redis.call('HINCRBY', KEYS[2], policy, -taken[policy])
    end
end
return answers
