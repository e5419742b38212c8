-- Settle: PostgreSQL has these events. A record whose last event is another one waits for that one;
-- the record of an order that is held stays until the hold is resolved, whose event settles it.
-- A command for all of them where there is one: each call out of Lua costs as much as what it does.
-- KEYS  1 outbox  2 unconfirmed  3 unpersisted  4 holds  5 ended  6.. records, one an event
-- ARGV  1 record_ttl_ms, then the events' ids, then the records' (16 bytes each)
local call = redis.call
local count = #KEYS - 5
call('HDEL', KEYS[1], unpack(ARGV, 2, count + 1))
call('ZREM', KEYS[2], unpack(ARGV, 2, count + 1))
call('ZREM', KEYS[3], unpack(ARGV, 2, count + 1))
local held = call('ZMSCORE', KEYS[4], unpack(ARGV, count + 2, 2 * count + 1))
local ended = call('ZMSCORE', KEYS[5], unpack(ARGV, count + 2, 2 * count + 1))
for i = 1, count do
  local record = KEYS[i + 5]
  if not held[i] and not ended[i] and call('GETRANGE', record, 24, 39) == ARGV[i + 1] then
    call('PEXPIRE', record, ARGV[1])
  end
end
return redis.status_reply('OK')
