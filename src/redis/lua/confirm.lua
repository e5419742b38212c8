-- Confirm: RabbitMQ has these events. One that a worker settled meanwhile stays gone.
-- KEYS  1 unconfirmed  2 unpersisted   ARGV  1 persist_grace_ms  2.. event ids
local now = redis.call('TIME')
local due = string.format('%d', now[1] * 1000 + math.floor(now[2] / 1000) + tonumber(ARGV[1]))
local waiting = redis.call('ZMSCORE', KEYS[1], unpack(ARGV, 2))
local moved, size = {}, 0
for i, score in ipairs(waiting) do
  if score then
    moved[size + 1], moved[size + 2] = due, ARGV[i + 1]
    size = size + 2
  end
end
if size > 0 then
  redis.call('ZREM', KEYS[1], unpack(ARGV, 2))
  redis.call('ZADD', KEYS[2], unpack(moved))
end
return redis.status_reply('OK')
