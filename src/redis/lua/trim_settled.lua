-- Trim settled: what has been kept long enough goes, and the oldest when all of it takes too much
-- memory. Whole nodes of the stream only, some thousands a call: what is left comes with the next.
-- KEYS  1 settled   ARGV  1 retention_ms  2 most_bytes
local call = redis.call
local now = call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
call('XTRIM', KEYS[1], 'MINID', '~', string.format('%d', now_ms - tonumber(ARGV[1])))
local bytes = call('MEMORY', 'USAGE', KEYS[1]) or 0
if bytes > tonumber(ARGV[2]) then
  local fit = math.floor(call('XLEN', KEYS[1]) * ARGV[2] / bytes)
  call('XTRIM', KEYS[1], 'MAXLEN', '~', string.format('%d', fit))
end
return redis.status_reply('OK')
