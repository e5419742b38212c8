-- Claim ended: orders whose hold has ended, leased, so that several servers rarely try the same; the
-- decision lets only one of them through. An ended hold leaves `holds`, so it never runs again.
-- KEYS  1 holds  2 ended   ARGV  1 most  2 lease_ms
-- Returns {order id, ...}
local call = redis.call
local now = call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local until_now, lease = string.format('%d', now_ms), string.format('%d', now_ms + tonumber(ARGV[2]))
local claimed = {}
local function claim(key)
  local due = call('ZRANGEBYSCORE', key, '-inf', until_now, 'LIMIT', 0, ARGV[1] - #claimed)
  if #due == 0 then
    return
  end
  local leased = {}
  for i, order_id in ipairs(due) do
    leased[2 * i - 1], leased[2 * i] = lease, order_id
    claimed[#claimed + 1] = order_id
  end
  call('ZREM', key, unpack(due)) -- first: when memory is short this is what frees some
  call('ZADD', KEYS[2], unpack(leased))
end
claim(KEYS[2])
if #claimed < tonumber(ARGV[1]) then
  claim(KEYS[1])
end
return claimed
