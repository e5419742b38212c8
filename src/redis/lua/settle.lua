-- Settle: PostgreSQL has these events. A record whose last event is another one waits for that one;
-- the record of an order that is held stays until the hold is resolved, whose event settles it.
-- KEYS  1 outbox  2 unconfirmed  3 unpersisted  4 holds  5 ended  6.. records, one an event
-- ARGV  1 record_ttl_ms, then for each: event id, record id (16 bytes)
local call = redis.call
local outbox, unconfirmed, unpersisted, holds, ended = unpack(KEYS, 1, 5)
for key = 6, #KEYS do
  local event_id, record_id = ARGV[2 * key - 10], ARGV[2 * key - 9]
  call('HDEL', outbox, event_id)
  call('ZREM', unconfirmed, event_id)
  call('ZREM', unpersisted, event_id)
  if call('GETRANGE', KEYS[key], 24, 39) == event_id and not call('ZSCORE', holds, record_id) and
      not call('ZSCORE', ended, record_id) then
    call('PEXPIRE', KEYS[key], ARGV[1])
  end
end
return redis.status_reply('OK')
