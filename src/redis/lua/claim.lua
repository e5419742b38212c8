-- Claim: events whose time has come, leased, so that several relays rarely take the same. Two that
-- do only make duplicates, which die on PostgreSQL's primary key.
-- KEYS  1 unconfirmed or unpersisted  2 outbox   ARGV  1 most  2 lease_ms
-- Returns {event id, event, event id, event, ...}
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%d', now_ms), 'LIMIT', 0, ARGV[1])
local lease = string.format('%d', now_ms + tonumber(ARGV[2]))
local claimed = {}
for _, id in ipairs(due) do
  local event = redis.call('HGET', KEYS[2], id)
  -- Removed first: when memory is short Redis refuses a script's first write if that could grow, and
  -- the relay is what frees memory then.
  redis.call('ZREM', KEYS[1], id)
  if event then
    redis.call('ZADD', KEYS[1], lease, id)
    claimed[#claimed + 1] = id
    claimed[#claimed + 1] = event
  end
end
return claimed
