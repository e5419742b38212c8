-- Decide: orders one after the other, each for itself. Of an order everything is tested, then stock,
-- record and outbox entry are written together; there is no rollback in Redis, so no write of an
-- order stands before its last test.
-- @EPOCH@ is put in by book_script.c: the script's name (its SHA) is bound to the epoch.
--
-- KEYS  1 meta  2 stock  3 outbox  4 unconfirmed  5.. records, one an order
-- ARGV  1 outbox_max  2 confirm_grace_ms  3 refusal_ttl_ms, then for each order:
--       event id (16 bytes), event, record if accepted, record header if refused,
--       number of products, their ids, their quantities
-- Returns 'FENCED', or an answer for each order:
--       'DECIDED'  'OVERLOADED'  {'REPEATED', record}
--       {'STOCK_UNKNOWN', i}  {'OUT_OF_STOCK', i, available}      i: which product, from 1
--       or the error that refused its first write
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= '@EPOCH@' then
  return 'FENCED'
end
local CHUNK = 1000 -- unpack() of many thousands would pass Lua's stack limit
local stock, outbox, unconfirmed = KEYS[2], KEYS[3], KEYS[4]
local room = tonumber(ARGV[1]) - call('HLEN', outbox)
local now = call('TIME')
local due = string.format('%d', now[1] * 1000 + math.floor(now[2] / 1000) + tonumber(ARGV[2]))

local function decide(record, at, count)
  local prior = call('GET', record)
  if prior then
    return {'REPEATED', prior}
  end
  if room <= 0 then
    return 'OVERLOADED'
  end
  local left, size = {}, 0 -- product_id, units, product_id, units, ...
  for from = 1, count, CHUNK do
    local ids = at + 4 + from
    local most = math.min(CHUNK, count - from + 1)
    local available = call('HMGET', stock, unpack(ARGV, ids, ids + most - 1))
    for i = 1, most do
      if not available[i] then
        return {'STOCK_UNKNOWN', from + i - 1}
      end
      local units = available[i] - ARGV[ids + count + i - 1]
      if units < 0 then
        local refusal = ARGV[at + 3] .. ARGV[ids + i - 1] .. '\0' .. available[i]
        local written = redis.pcall('SET', record, refusal, 'PX', ARGV[3])
        return written.err and written or {'OUT_OF_STOCK', from + i - 1, available[i]}
      end
      left[size + 1] = ARGV[ids + i - 1]
      left[size + 2] = units -- exact below 2^53
      size = size + 2
    end
  end
  -- Without memory or disk Redis refuses the first write, never one after it.
  local written = redis.pcall('SET', record, ARGV[at + 2])
  if written.err then
    return written
  end
  for from = 1, size, 2 * CHUNK do
    call('HSET', stock, unpack(left, from, math.min(from + 2 * CHUNK - 1, size)))
  end
  call('HSET', outbox, ARGV[at], ARGV[at + 1])
  call('ZADD', unconfirmed, due, ARGV[at])
  room = room - 1
  return 'DECIDED'
end

local answers = {}
local at = 4
for key = 5, #KEYS do
  local count = tonumber(ARGV[at + 4])
  answers[#answers + 1] = decide(KEYS[key], at, count)
  at = at + 5 + 2 * count
end
return answers
