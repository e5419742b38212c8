-- Apply: units that PostgreSQL gave back or added, each once. Bound to the epoch like decide: a
-- delta of another epoch is already in the sums that this epoch's stock was loaded from.
-- KEYS  1 meta  2 stock  3.. delta markers   ARGV  1 delta_ttl_ms  2.. epoch, product_id, quantity, ...
if redis.call('HGET', KEYS[1], 'epoch') ~= '@EPOCH@' then
  return redis.error_reply('FENCED another epoch is in force')
end
for at = 3, #KEYS do
  local arg = 2 + (at - 3) * 3
  if ARGV[arg] == '@EPOCH@' and redis.call('SET', KEYS[at], '', 'NX', 'PX', ARGV[1]) then
    redis.call('HINCRBY', KEYS[2], ARGV[arg + 1], ARGV[arg + 2])
  end
end
return redis.status_reply('OK')
