-- Admits claims as far as their policies' quantities go and queues them.
--
-- KEYS  world, remaining, periods, claims
-- ARGV  the time (ms since 1970), then for each: claim, user, policy
-- Gives for each: 0 admitted, 1 no such policy or not active, 2 sold out;
-- and nothing at all if Redis has forgotten the world.
local world = redis.call('GET', KEYS[1])
if not world then
    return false
end
local now = tonumber(ARGV[1])
local policies = {}
local answers = {}
for i = 2, #ARGV, 3 do
    local id = ARGV[i + 2]
    local policy = policies[id]
    if not policy then
        local remaining = redis.call('HGET', KEYS[2], id)
        local starts, ends = string.match(redis.call('HGET', KEYS[3], id) or '', '^(%-?%d+) (%-?%d+)$')
        policy = { remaining = tonumber(remaining), taken = 0 }
        policy.active = remaining and starts and tonumber(starts) <= now and now < tonumber(ends)
        policies[id] = policy
    end
    if not policy.active then
        answers[#answers + 1] = 1
    elseif policy.remaining <= policy.taken then
        answers[#answers + 1] = 2
    else
        policy.taken = policy.taken + 1
        redis.call('XADD', KEYS[4], '*', 'claim', world .. ' ' .. ARGV[i] .. ' ' .. ARGV[i + 1] .. ' ' .. id)
        answers[#answers + 1] = 0
    end
end
for id, policy in pairs(policies) do
    if policy.taken > 0 then
        redis.call('HINCRBY', KEYS[2], id, -policy.taken)
    end
end
return answers
