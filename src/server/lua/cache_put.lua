-- Put: keeps a product in the cache unless a newer version of it is there already.
-- An entry is its version in decimal, a line feed, and the encoded product; version 0 and nothing
-- behind it says that there is no such product.
-- KEYS  1 entry   ARGV  1 version  2 ttl_ms  3 entry
local current = redis.call('GET', KEYS[1])
if current then
  local version = tonumber(string.match(current, '^(%d+)\n'))
  if version and version > tonumber(ARGV[1]) then
    return 0
  end
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[2])
return 1
