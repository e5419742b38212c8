-- Read: records and where their events are, seen at one moment.
-- KEYS  1 outbox  2 unconfirmed  3 early  4 behind  5.. records
-- Returns {record or nil, place, ...}   place: 0 settled (or no record), 1 in the outbox, or one of the
-- order's events before it is, 2 and RabbitMQ has not confirmed it, or one of those
local call = redis.call
local BACK_MAX = 64 -- so far it is looked back; further is taken for not confirmed

local function is_unsafe(event_id)
  return call('ZSCORE', KEYS[2], event_id) and call('SISMEMBER', KEYS[3], event_id) == 0
end

local function place_behind(event_id)
  local place = 0
  for _ = 1, BACK_MAX do
    event_id = call('HGET', KEYS[4], event_id)
    if not event_id then
      return place
    end
    if is_unsafe(event_id) then
      return 2
    end
    if call('HEXISTS', KEYS[1], event_id) == 1 and call('SISMEMBER', KEYS[3], event_id) == 0 then
      place = 1
    end
  end
  return 2
end

local found = {}
for at = 5, #KEYS do
  local record = call('GET', KEYS[at])
  local place = 0
  if record then
    local event_id = string.sub(record, 25, 40)
    if call('ZSCORE', KEYS[2], event_id) then
      place = call('SISMEMBER', KEYS[3], event_id) == 1 and 0 or 2
    elseif call('HEXISTS', KEYS[1], event_id) == 1 then
      place = 1
    end
    if place < 2 then
      place = math.max(place, place_behind(event_id))
    end
  end
  found[#found + 1] = record
  found[#found + 1] = place
end
return found
