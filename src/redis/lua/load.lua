-- Load: some of the stock of a new epoch, by whoever began last to load it, and nobody else. Sent
-- with EVAL: it is no part of the fence.
-- KEYS  1 meta  2 where to   ARGV  1 who  2 verb ('HSET', 'HSETNX', 'HPEXPIRE', 'ZADD')  3.. its arguments
if redis.call('HGET', KEYS[1], 'opening') ~= ARGV[1] then
  return redis.error_reply('OTHER has begun to load, or Redis was emptied')
end
return redis.call(ARGV[2], KEYS[2], unpack(ARGV, 3))
