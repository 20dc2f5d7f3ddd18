-- Orders alone, closed loop: each has one of all five products, for users one after the other.
-- The users are made and charged before (bench/src/rows/orders.rs): ids from FIRST_USER on, USERS of them.
-- BODIES are made beforehand, so that wrk's own work is small beside the server's.

local bodies = {}
local at = 0

function init(args)
  local first = tonumber(args[1])
  local users = tonumber(args[2])
  local items = {}
  for product = 1, 5 do
    items[product] = '{"productId":' .. product .. ',"quantity":1}'
  end
  items = table.concat(items, ",")
  local json = { ["Content-Type"] = "application/json" }
  for user = first, first + users - 1 do
    local body = '{"userId":' .. user .. ',"couponId":null,"items":[' .. items .. "]}"
    bodies[#bodies + 1] = wrk.format("POST", "/orders", json, body)
  end
  at = math.floor(#bodies / 2)
end

function request()
  at = at % #bodies + 1
  return bodies[at]
end
