-- Confirm: RabbitMQ has these events. One that a worker settled meanwhile stays gone.
-- KEYS  1 unconfirmed  2 unpersisted   ARGV  1 persist_grace_ms  2.. event ids
local now = redis.call('TIME')
local due = string.format('%d', now[1] * 1000 + math.floor(now[2] / 1000) + tonumber(ARGV[1]))
for at = 2, #ARGV do
  if redis.call('ZREM', KEYS[1], ARGV[at]) == 1 then
    redis.call('ZADD', KEYS[2], due, ARGV[at])
  end
end
return redis.status_reply('OK')
