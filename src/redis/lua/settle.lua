-- Settle: PostgreSQL has these events. A record whose last event is another one waits for that one;
-- the record of an order that is held stays until the hold is resolved, whose event settles it.
-- What RabbitMQ has not confirmed stays in the outbox until it has: a worker may have it from our
-- queue, and a queue of somebody else not, because RabbitMQ went down in between.
-- A command for all of them where there is one: each call out of Lua costs as much as what it does.
-- KEYS  1 outbox  2 unconfirmed  3 unpersisted  4 holds  5 ended  6 early  7 behind  8.. records, one an event
-- ARGV  1 record_ttl_ms, then the events' ids, then the records' (16 bytes each)
local call = redis.call
local count = #KEYS - 7
local unconfirmed = call('ZMSCORE', KEYS[2], unpack(ARGV, 2, count + 1))
local gone, early = {}, {}
for i = 1, count do
  local list = unconfirmed[i] and early or gone
  list[#list + 1] = ARGV[i + 1]
end
if #gone > 0 then
  call('HDEL', KEYS[1], unpack(gone))
end
call('ZREM', KEYS[3], unpack(ARGV, 2, count + 1))
-- PostgreSQL may have it before what it changes, which it then waits for: known as long as its record.
redis.pcall('HPEXPIRE', KEYS[7], ARGV[1], 'FIELDS', count, unpack(ARGV, 2, count + 1))
if #early > 0 then
  redis.pcall('SADD', KEYS[6], unpack(early)) -- without memory the relay finds it in PostgreSQL later
end
local held = call('ZMSCORE', KEYS[4], unpack(ARGV, count + 2, 2 * count + 1))
local ended = call('ZMSCORE', KEYS[5], unpack(ARGV, count + 2, 2 * count + 1))
for i = 1, count do
  local record = KEYS[i + 7]
  if not held[i] and not ended[i] and call('GETRANGE', record, 24, 39) == ARGV[i + 1] then
    call('PEXPIRE', record, ARGV[1])
  end
end
return redis.status_reply('OK')
