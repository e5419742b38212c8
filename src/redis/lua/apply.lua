-- Apply: units that PostgreSQL gave back or added, and rules that it has for their product, each once;
-- or the hold of an order that it got after this epoch's stock was loaded.
-- Bound to the epoch like decide: a delta of another epoch is already in what this epoch's stock was
-- loaded from. Rules never give way to an older version of themselves.
-- KEYS  1 meta  2 stock  3 holds  4.. delta markers
-- ARGV  1 delta_ttl_ms  2.. epoch, product_id, quantity, rules (decide.lua; '' = as they are), the held
--       order's id (16 bytes), when its hold ends (ms; 0 = it is about units), ...
local call = redis.call
if call('HGET', KEYS[1], 'epoch') ~= '@EPOCH@' then
  return redis.error_reply('FENCED another epoch is in force')
end

local function change(id, quantity, rules)
  local value = call('HGET', KEYS[2], id) or '0'
  if rules == '' and tonumber(value) then
    call('HINCRBY', KEYS[2], id, quantity)
    return
  end
  local units, kept = string.match(value, '^(-?%d+) ?(.*)$')
  local version = tonumber(string.match(kept, '^%d+') or 0)
  if rules == '' or tonumber(string.match(rules, '^%d+')) < version then
    rules = kept
  end
  call('HSET', KEYS[2], id, string.format('%d %s', units + quantity, rules))
end

for at = 4, #KEYS do
  local arg = 2 + (at - 4) * 6
  if ARGV[arg] == '@EPOCH@' and call('SET', KEYS[at], '', 'NX', 'PX', ARGV[1]) then
    if ARGV[arg + 5] == '0' then
      change(ARGV[arg + 1], ARGV[arg + 2], ARGV[arg + 3])
    else
      call('ZADD', KEYS[3], 'NX', ARGV[arg + 5], ARGV[arg + 4])
    end
  end
end
return redis.status_reply('OK')
