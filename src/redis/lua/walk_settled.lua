-- Walk settled: batches that are kept, the newest first: a few, and no more bytes than asked for as
-- soon as there is one.
-- KEYS  1 settled   ARGV  1 older than: '+' or '(id'  2 newer than: '-' or '(id'  3 most  4 most_bytes
-- Returns {} at the end, else {id of the first, id of the last, batch, batch, ...}
local found = redis.call('XREVRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', ARGV[3])
local walked, bytes = {}, 0
for i, entry in ipairs(found) do
  local batch = entry[2][2]
  bytes = bytes + #batch
  if i > 1 and bytes > tonumber(ARGV[4]) then
    break
  end
  walked[1] = walked[1] or entry[1]
  walked[2] = entry[1]
  walked[i + 2] = batch
end
return walked
