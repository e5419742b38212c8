-- Read: records and where their events are, seen at one moment.
-- KEYS  1 outbox  2 unconfirmed  3 early  4.. records
-- Returns {record or nil, place, ...}   place: 0 settled (or no record), 1 in the outbox, 2 and not confirmed
local found = {}
for at = 4, #KEYS do
  local record = redis.call('GET', KEYS[at])
  local place = 0
  if record then
    local event_id = string.sub(record, 25, 40)
    if redis.call('ZSCORE', KEYS[2], event_id) then
      place = redis.call('SISMEMBER', KEYS[3], event_id) == 1 and 0 or 2
    elseif redis.call('HEXISTS', KEYS[1], event_id) == 1 then
      place = 1
    end
  end
  found[#found + 1] = record
  found[#found + 1] = place
end
return found
