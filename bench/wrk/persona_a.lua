-- The requests of persona A for wrk, users one after the other. Nothing is parsed or checked, and
-- an order doesn't wait for the answers before it: wrk has no such thing, which is what makes it
-- the measure of how cheap sending and receiving alone can be.

local USERS = 300
local requests = {}
local at = 0

function init()
  local json = { ["Content-Type"] = "application/json" }
  local function add(method, path, body)
    requests[#requests + 1] = wrk.format(method, path, body and json or nil, body)
  end
  for user = 1, USERS do
    add("GET", "/users/id?name=u" .. user)
    add("POST", "/users/" .. user .. "/balance", '{"amount":10000}')
    add("POST", "/coupons?userId=" .. user .. "&policyId=" .. (user % 5 + 1))
    add("GET", "/users/" .. user .. "/coupons")
    add("GET", "/products/top/realtime")
    local items = {}
    for product = 1, 5 do
      items[product] = '{"productId":' .. product .. ',"quantity":1}'
    end
    add("POST", "/orders", '{"userId":' .. user .. ',"couponId":1,"items":[' .. table.concat(items, ",") .. "]}")
    add("GET", "/users/" .. user .. "/balance")
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end
