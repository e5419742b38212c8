-- Decide: tests everything, then writes stock, record and outbox entry together; there is no
-- rollback in Redis, so no write stands before the last test.
-- @EPOCH@ is put in by book.c: the script's name (its SHA) is bound to the epoch.
--
-- KEYS  1 meta  2 stock  3 outbox  4 unconfirmed  5 record
-- ARGV  1 outbox_max  2 confirm_grace_ms  3 refusal_ttl_ms
--       4 event id (16 bytes)  5 event  6 record if accepted  7 record header if refused
--       8.. product_id, quantity, product_id, quantity, ...
-- Returns {'DECIDED'} {'REPEATED', record} {'OUT_OF_STOCK', i, available} {'STOCK_UNKNOWN', i}
--         {'OVERLOADED'} {'FENCED'}      i: which product, from 1
if redis.call('HGET', KEYS[1], 'epoch') ~= '@EPOCH@' then
  return {'FENCED'}
end
local prior = redis.call('GET', KEYS[5])
if prior then
  return {'REPEATED', prior}
end
if redis.call('HLEN', KEYS[3]) >= tonumber(ARGV[1]) then
  return {'OVERLOADED'}
end
-- One product a call: unpack() of thousands of arguments would pass Lua's stack limit.
for at = 8, #ARGV, 2 do
  local available = redis.call('HGET', KEYS[2], ARGV[at])
  if not available then
    return {'STOCK_UNKNOWN', (at - 6) / 2}
  end
  if tonumber(available) < tonumber(ARGV[at + 1]) then
    redis.call('SET', KEYS[5], ARGV[7] .. ARGV[at] .. '\0' .. available, 'PX', ARGV[3])
    return {'OUT_OF_STOCK', (at - 6) / 2, available}
  end
end
for at = 8, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[2], ARGV[at], '-' .. ARGV[at + 1])
end
local now = redis.call('TIME')
local due = now[1] * 1000 + math.floor(now[2] / 1000) + tonumber(ARGV[2])
redis.call('SET', KEYS[5], ARGV[6])
redis.call('HSET', KEYS[3], ARGV[4], ARGV[5])
redis.call('ZADD', KEYS[4], string.format('%d', due), ARGV[4])
return {'DECIDED'}
