-- Unsettle: PostgreSQL has lost these events. Back into the outbox they go, due at once, and nothing
-- sells until stock was loaded anew: units that they gave back may have been sold again.
-- KEYS  1 meta  2 outbox  3 unconfirmed  4 early   ARGV  event id, event, ...
local call = redis.call
-- First: Redis refuses only a first write when memory is short. A loading that is under way ends, too:
-- it would open without these events.
call('HDEL', KEYS[1], 'epoch', 'opening')
for at = 1, #ARGV, 2 do
  call('HSET', KEYS[2], ARGV[at], ARGV[at + 1])
  call('ZADD', KEYS[3], 0, ARGV[at])
  call('SREM', KEYS[4], ARGV[at])
end
return redis.status_reply('OK')
