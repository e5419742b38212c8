-- Decide: orders one after the other, each for itself. Of an order everything is tested, then stock,
-- record and outbox entry are written together; there is no rollback in Redis, so no write of an
-- order stands before its last test.
-- @EPOCH@ is put in by book_script.c: the script's name (its SHA) is bound to the epoch.
--
-- KEYS  1 meta  2 stock  3 outbox  4 unconfirmed  5 holds  6 ended  7.. for each order its request's
--       record and, if it changes an order that is there, that order's record
-- ARGV  1 outbox_max  2 confirm_grace_ms  3 refusal_ttl_ms  4 record_ttl_ms, then for each order:
--       event id (16 bytes), event, request's record if accepted, its header if refused,
--       the order's record or '' when the request's is the order's, the version it was found in
--       (4 bytes), what about the hold ('', 'START', 'MUST_RUN', 'MUST_END', 'GIVEN_UP') or 'TRY'
--       when nothing is to be written, hold_ms, order id (16 bytes), number of products, their ids, their quantities
-- Returns 'FENCED', or an answer for each order:
--       'DECIDED'  'POSSIBLE' (of a TRY)  'OVERLOADED'  'CONFLICT'  'HOLD_ENDED'  'HOLD_RUNS'  {'REPEATED', record}
--       {'STOCK_UNKNOWN', i}  {'OUT_OF_STOCK', i, available}      i: which product, from 1
--       or the error that refused its first write
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= '@EPOCH@' then
  return 'FENCED'
end
local CHUNK = 1000 -- unpack() of many thousands would pass Lua's stack limit
local stock, outbox, unconfirmed, holds, ended = unpack(KEYS, 2, 6)
local room = tonumber(ARGV[1]) - call('HLEN', outbox)
local now = call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local due = string.format('%d', now_ms + tonumber(ARGV[2]))

-- A record of another epoch is as good as none: the version was found in PostgreSQL then.
local function is_found(order, expected, epoch)
  local present = call('GETRANGE', order, 2, 7)
  return present == '' or string.sub(present, 1, 2) ~= epoch or string.sub(present, 3, 6) == expected
end

local function hold_forbids(rule, order_id)
  if rule ~= 'MUST_RUN' and rule ~= 'MUST_END' then
    return nil
  end
  local ends = call('ZSCORE', holds, order_id)
  local runs = ends and now_ms < tonumber(ends)
  if rule == 'MUST_RUN' then
    return not runs and 'HOLD_ENDED' or nil
  end
  return runs and 'HOLD_RUNS' or nil
end

local function decide(record, order, at, count)
  local prior = call('GET', record)
  if prior then
    return {'REPEATED', prior}
  end
  if room <= 0 then
    return 'OVERLOADED'
  end
  local rule, order_id = ARGV[at + 6], ARGV[at + 8]
  if order and not is_found(order, ARGV[at + 5], string.sub(ARGV[at + 4], 3, 4)) then
    return 'CONFLICT'
  end
  local forbidden = hold_forbids(rule, order_id)
  if forbidden then
    return forbidden
  end
  local left, size = {}, 0 -- product_id, units, product_id, units, ...
  for from = 1, count, CHUNK do
    local ids = at + 9 + from
    local most = math.min(CHUNK, count - from + 1)
    local available = call('HMGET', stock, unpack(ARGV, ids, ids + most - 1))
    for i = 1, most do
      if not available[i] then
        return {'STOCK_UNKNOWN', from + i - 1}
      end
      local units = available[i] - ARGV[ids + count + i - 1]
      if units < 0 and rule == 'TRY' then
        return {'OUT_OF_STOCK', from + i - 1, available[i]}
      end
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
  if rule == 'TRY' then
    return 'POSSIBLE'
  end
  -- Without memory or disk Redis refuses the first write, never one after it.
  local written
  if order then
    written = redis.pcall('SET', record, ARGV[at + 2], 'PX', ARGV[4])
  else
    written = redis.pcall('SET', record, ARGV[at + 2])
  end
  if written.err then
    return written
  end
  if order then
    call('SET', order, ARGV[at + 4])
  end
  if rule == 'START' then
    call('ZADD', holds, string.format('%d', now_ms + tonumber(ARGV[at + 7])), order_id)
  elseif rule ~= '' then
    call('ZREM', holds, order_id)
    call('ZREM', ended, order_id)
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
local at, key = 5, 7
while key <= #KEYS do
  local count = tonumber(ARGV[at + 9])
  local order = ARGV[at + 4] ~= '' and KEYS[key + 1] or nil
  answers[#answers + 1] = decide(KEYS[key], order, at, count)
  at = at + 10 + 2 * count
  key = key + (order and 2 or 1)
end
return answers
