-- Decide: orders one after the other, each for itself. Of an order everything is tested before
-- anything is noted to be written; there is no rollback in Redis. What they need is read at the
-- beginning and what they make is written at the end, a command for all of them where there is one:
-- each call out of Lua costs as much as what it does. In between they see each other in the tables of
-- `seen`.
-- @EPOCH@ is put in by book_script.c: the script's name (its SHA) is bound to the epoch.
--
-- KEYS  1 meta  2 stock  3 outbox  4 unconfirmed  5 holds  6 ended  7 bought  8 counts  9 behind
--       10 early  11.. for each order its request's record and, if it changes an order that is there,
--       that order's record
-- ARGV  1 outbox_max  2 confirm_grace_ms  3 refusal_ttl_ms  4 record_ttl_ms, then for each order:
--       event id (16 bytes), event, request's record if accepted,
--       the order's record or '' when the request's is the order's, the version it was found in
--       (4 bytes), what about the hold ('', 'START', 'MUST_RUN', 'MUST_END', 'GIVEN_UP'), 'TRY'
--       when nothing is to be written, or 'NOTE' when the order is already where the request would
--       bring it and only the request's record is written; hold_ms, order id (16 bytes), customer id or '' when the
--       products' rules do not matter, number of products, their ids, their quantities; then, if it
--       changes an order, number of products whose units its customer may buy again, their ids, their
--       quantities
--       An adjustment of stock says 'COUNT' instead of a hold, or 'RECOUNT' when the last one of the
--       product must still be the one found (its event id, in the version's place); and the product's
--       id in the order's place.
-- Returns 'FENCED', or an answer for each order:
--       'DECIDED'  'BEHIND' (decided, and an earlier event of the order is not safe yet)
--       'POSSIBLE' (of a TRY)  'NOTED' (of a NOTE)  'OVERLOADED'  'CONFLICT'  'HOLD_ENDED'  'HOLD_RUNS'  {'REPEATED', record}
--       {'STOCK_UNKNOWN', i}  {'OUT_OF_STOCK', i, available}      i: which product, from 1
--       {'REFUSED', i, reason, number, limit}                     by a rule of the product
--       or the error that refused its first write
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= '@EPOCH@' then
  return 'FENCED'
end
local CHUNK = 1000 -- unpack() of many thousands would pass Lua's stack limit
local stock, outbox, unconfirmed, holds, ended, bought, counts, behind, early = unpack(KEYS, 2, 10)
local room = tonumber(ARGV[1]) - call('HLEN', outbox)
local now = call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local due = string.format('%d', now_ms + tonumber(ARGV[2]))

-- As they were read, or as they will be.
local seen = {records = {}, stock = {}, bought = {}, counts = {}}
-- What will be written: keys or members, each with its value behind it, and commands.
local made = {records = {}, stock = {}, outbox = {}, unconfirmed = {}, holds = {}, others = {}}
local accepted = {} -- by the key of the request's record

local function add(list, key, value)
  list[#list + 1] = key
  list[#list + 1] = value
end

-- In one go for all orders.
local function read_ahead(requests, products)
  local records = call('MGET', unpack(requests))
  for i, key in ipairs(requests) do
    seen.records[key] = records[i]
  end
  for from = 1, #products, CHUNK do
    local to = math.min(from + CHUNK - 1, #products)
    local units = call('HMGET', stock, unpack(products, from, to))
    for i = from, to do
      seen.stock[products[i]] = units[i - from + 1]
    end
  end
end

-- Without memory or disk Redis refuses a script's first write, never one after it: nil, or that error.
local function write_all()
  local commands = {}
  local function gather(list, ...)
    for from = 1, #list, 2 * CHUNK do
      local command = {...}
      for i = from, math.min(from + 2 * CHUNK - 1, #list) do
        command[#command + 1] = list[i]
      end
      commands[#commands + 1] = command
    end
  end
  local units, records = {}, {}
  for id in pairs(made.stock) do
    add(units, id, seen.stock[id])
  end
  for key in pairs(made.records) do
    add(records, key, seen.records[key])
  end
  gather(units, 'HSET', stock)
  gather(records, 'MSET')
  gather(made.outbox, 'HSET', outbox)
  gather(made.unconfirmed, 'ZADD', unconfirmed)
  gather(made.holds, 'ZADD', holds)
  for _, command in ipairs(made.others) do
    commands[#commands + 1] = command
  end
  for i, command in ipairs(commands) do
    local written = (i == 1 and redis.pcall or call)(unpack(command))
    if i == 1 and written and type(written) == 'table' and written.err then
      return written
    end
  end
end

-- Of its record, from the epoch to the event: '' when there is none.
local function read_header(order)
  return seen.records[order] and string.sub(seen.records[order], 3, 40) or
    call('GETRANGE', order, 2, 39)
end

-- A record of another epoch is as good as none: the version was found in PostgreSQL then.
local function is_found(header, expected, epoch)
  return header == '' or string.sub(header, 1, 2) ~= epoch or string.sub(header, 3, 6) == expected
end

-- Neither RabbitMQ nor PostgreSQL has the order's last event for certain, or one before it: with
-- Redis it may go, and then a change that came after it has nothing to apply to.
local BACK_MAX = 64 -- so far it is looked back; further is taken for not safe
local function is_unsafe(event_id)
  for _ = 1, BACK_MAX do
    if call('ZSCORE', unconfirmed, event_id) and call('SISMEMBER', early, event_id) == 0 then
      return true
    end
    event_id = call('HGET', behind, event_id)
    if not event_id then
      return false
    end
  end
  return true
end

-- In `stock`, behind the units of a product that has rules: version, state, most an order, most a
-- customer, within ms, counted since ms, sold from ms, sold until ms. 0: no such rule.
local RULED = '^(-?%d+)( %d+ (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+))$'
-- In `bought`, under customer NUL product: for each order its id, when (8 bytes), how many (4 bytes).
local ENTRY_BYTES = 28
local BOUGHT_MS = '7776000000' -- 90 days, no window is longer

local function keep_bought(field, value)
  seen.bought[field] = value
  if value == '' then
    made.others[#made.others + 1] = {'HDEL', bought, field}
  else
    made.others[#made.others + 1] = {'HSET', bought, field, value}
    made.others[#made.others + 1] = {'HPEXPIRE', bought, BOUGHT_MS, 'FIELDS', 1, field}
  end
end

-- What is left of it without this order and without what is older than from_ms; and its units, and
-- the order's.
local function read_bought(field, order_id, from_ms)
  local value, kept, units, own = seen.bought[field] or call('HGET', bought, field) or '', {}, 0, 0
  for at = 1, #value, ENTRY_BYTES do
    local bought_ms, quantity = struct.unpack('>I8I4', value, at + 16)
    if string.sub(value, at, at + 15) == order_id then
      own = struct.pack('>I8I4', bought_ms, quantity)
    elseif bought_ms >= from_ms then
      kept[#kept + 1] = string.sub(value, at, at + ENTRY_BYTES - 1)
      units = units + quantity
    end
  end
  return table.concat(kept), units, own
end

-- The reason, a number, the limit; nothing when the rules allow it. What the customer then has bought
-- is added to `buys`.
local function refuse_by_rules(text, id, quantity, customer, order_id, buys)
  local _, _, state, an_order, a_customer, window_ms, since_ms, from_ms, until_ms =
    string.match(text, RULED)
  if state ~= '1' then
    return state == '2' and 'PRODUCT_SUSPENDED' or 'PRODUCT_DELETED', 0, 0
  end
  if now_ms < tonumber(from_ms) or (until_ms ~= '0' and now_ms >= tonumber(until_ms)) then
    return 'SALE_NOT_OPEN', 0, 0
  end
  if an_order ~= '0' and quantity > tonumber(an_order) then
    return 'ORDER_LIMIT_EXCEEDED', quantity, an_order
  end
  if a_customer ~= '0' then
    local field = customer .. '\0' .. id
    local kept, units = read_bought(field, order_id, math.max(now_ms - window_ms, since_ms))
    if units + quantity > tonumber(a_customer) then
      return 'PURCHASE_LIMIT_EXCEEDED', units, a_customer
    end
    buys[#buys + 1] = field
    buys[#buys + 1] = kept .. order_id .. struct.pack('>I8I4', now_ms, quantity)
  end
end

-- Units that were cancelled or have expired: the customer may buy them again.
local function give_back(customer, order_id, at)
  local count = tonumber(ARGV[at])
  for i = at + 1, at + count do
    local field = customer .. '\0' .. ARGV[i]
    local kept, _, own = read_bought(field, order_id, 0)
    if own ~= 0 then
      local bought_ms, quantity = struct.unpack('>I8I4', own)
      quantity = quantity - ARGV[i + count]
      if quantity > 0 then
        kept = kept .. order_id .. struct.pack('>I8I4', bought_ms, quantity)
      end
      keep_bought(field, kept)
    end
  end
end

-- A refusal is written at once: nothing else of its order is. Its header is that of the record if
-- accepted, but for the kind.
local function refuse(rule, record, header, id, number, answer, more)
  if rule == 'TRY' then
    return answer
  end
  local refusal = string.sub(header, 1, 1) .. '\2' .. string.sub(header, 3, 40) .. id .. '\0' ..
    number .. more
  local written = redis.pcall('SET', record, refusal, 'PX', ARGV[3])
  if written.err then
    return written
  end
  seen.records[record] = refusal
  return answer
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
  local prior = seen.records[record]
  if prior then
    return {'REPEATED', prior}
  end
  -- A change's record may be gone before PostgreSQL has its event, when workers are away for longer than
  -- it lives; the outbox has it then.
  if order and call('HEXISTS', outbox, ARGV[at]) == 1 then
    return {'REPEATED', ARGV[at + 2]}
  end
  local rule, order_id, customer = ARGV[at + 5], ARGV[at + 7], ARGV[at + 8]
  if room <= 0 and rule ~= 'NOTE' then
    return 'OVERLOADED'
  end
  local header = order and read_header(order) or ''
  if order and not is_found(header, ARGV[at + 4], string.sub(ARGV[at + 3], 3, 4)) then
    return 'CONFLICT'
  end
  if rule == 'NOTE' then
    made.others[#made.others + 1] = {'SET', record, ARGV[at + 2], 'PX', ARGV[4]}
    seen.records[record], accepted[record] = ARGV[at + 2], true
    return 'NOTED'
  end
  local forbidden = hold_forbids(rule, order_id)
  if forbidden then
    return forbidden
  end
  if rule == 'RECOUNT' and
      (seen.counts[order_id] or call('HGET', counts, order_id) or '') ~= ARGV[at + 4] then
    return 'CONFLICT'
  end
  local left, buys = {}, {} -- what is there then: product, units, ...; what a customer has bought
  for i = 1, count do
    local id, quantity = ARGV[at + 9 + i], ARGV[at + 9 + count + i]
    local available = seen.stock[id]
    if not available then
      return {'STOCK_UNKNOWN', i}
    end
    local held, rules = tonumber(available), nil
    if not held then
      held, rules = string.match(available, RULED)
      if customer ~= '' then
        local reason, number, limit =
          refuse_by_rules(available, id, tonumber(quantity), customer, order_id, buys)
        if reason then
          return refuse(rule, record, ARGV[at + 2], id, number, {'REFUSED', i, reason, number, limit},
            '\0' .. reason .. '\0' .. limit)
        end
      end
    end
    local units = held - quantity
    if units < 0 then
      held = string.format('%d', held)
      return refuse(rule, record, ARGV[at + 2], id, held, {'OUT_OF_STOCK', i, held}, '')
    end
    add(left, id, rules and string.format('%d', units) .. rules or units) -- exact below 2^53
  end
  if rule == 'TRY' then
    return 'POSSIBLE'
  end
  for i = 1, #left, 2 do
    seen.stock[left[i]], made.stock[left[i]] = left[i + 1], true
  end
  seen.records[record], accepted[record] = ARGV[at + 2], true
  if order then
    made.others[#made.others + 1] = {'SET', record, ARGV[at + 2], 'PX', ARGV[4]}
    seen.records[order], made.records[order] = ARGV[at + 3], true
    give_back(customer, order_id, at + 10 + 2 * count)
  else
    made.records[record] = true
  end
  for i = 1, #buys, 2 do
    keep_bought(buys[i], buys[i + 1])
  end
  if rule == 'START' then
    add(made.holds, string.format('%d', now_ms + tonumber(ARGV[at + 6])), order_id)
  elseif rule == 'COUNT' or rule == 'RECOUNT' then
    seen.counts[order_id] = ARGV[at]
    made.others[#made.others + 1] = {'HSET', counts, order_id, ARGV[at]}
  elseif rule ~= '' then
    made.others[#made.others + 1] = {'ZREM', holds, order_id}
    made.others[#made.others + 1] = {'ZREM', ended, order_id}
  end
  add(made.outbox, ARGV[at], ARGV[at + 1])
  add(made.unconfirmed, due, ARGV[at])
  room = room - 1
  local last = string.sub(header, 23, 38)
  -- What is only in the outbox is not in PostgreSQL yet, which lets this one wait for it: read.lua
  -- says so by `behind`.
  local unsafe = last ~= '' and is_unsafe(last)
  if unsafe or (last ~= '' and call('HEXISTS', outbox, last) == 1) then
    made.others[#made.others + 1] = {'HSET', behind, ARGV[at], last}
  end
  return unsafe and 'BEHIND' or 'DECIDED'
end

local plans, requests, products = {}, {}, {}
local at, key = 5, 11
while key <= #KEYS do
  local count = tonumber(ARGV[at + 9])
  local order = ARGV[at + 3] ~= '' and KEYS[key + 1] or nil
  plans[#plans + 1] = {KEYS[key], order, at, count}
  requests[#requests + 1] = KEYS[key]
  for i = at + 10, at + 9 + count do
    if seen.stock[ARGV[i]] == nil then
      seen.stock[ARGV[i]] = false
      products[#products + 1] = ARGV[i]
    end
  end
  at = at + 10 + 2 * count
  if order then
    at = at + 1 + 2 * ARGV[at]
  end
  key = key + (order and 2 or 1)
end
read_ahead(requests, products)
local answers = {}
for i, plan in ipairs(plans) do
  answers[i] = decide(unpack(plan, 1, 4))
end
local refused = write_all()
for i, plan in ipairs(plans) do
  if refused and accepted[plan[1]] then -- also those that repeat it
    answers[i] = refused
  end
end
return answers
