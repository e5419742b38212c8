-- Confirm: RabbitMQ has these events. One that PostgreSQL has already is done with.
-- KEYS  1 unconfirmed  2 unpersisted  3 outbox  4 early   ARGV  1 persist_grace_ms  2.. event ids
local now = redis.call('TIME')
local due = string.format('%d', now[1] * 1000 + math.floor(now[2] / 1000) + tonumber(ARGV[1]))
local waiting = redis.call('ZMSCORE', KEYS[1], unpack(ARGV, 2))
local has_early = redis.call('SCARD', KEYS[4]) > 0
local moved, size, done = {}, 0, {}
for i, score in ipairs(waiting) do
  if score and has_early and redis.call('SREM', KEYS[4], ARGV[i + 1]) == 1 then
    done[#done + 1] = ARGV[i + 1]
  elseif score then
    moved[size + 1], moved[size + 2] = due, ARGV[i + 1]
    size = size + 2
  end
end
if #done > 0 then
  redis.call('HDEL', KEYS[3], unpack(done))
end
if size > 0 or #done > 0 then
  redis.call('ZREM', KEYS[1], unpack(ARGV, 2))
end
if size > 0 then
  redis.call('ZADD', KEYS[2], unpack(moved))
end
return redis.status_reply('OK')
