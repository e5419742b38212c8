-- What tools/bench/http.sh wants of wrk: a POST of $WRK_BODY where there is one, and the figures as one line of JSON.
local body = os.getenv("WRK_BODY")
if body then
  wrk.method = "POST"
  wrk.body = body
  wrk.headers["Content-Type"] = "application/json"
end

function done(summary, latency)
  local failed = summary.errors
  local errors = failed.connect + failed.read + failed.write + failed.status + failed.timeout
  local seconds = summary.duration / 1000000
  print(string.format('{"requests":%d,"errors":%d,"seconds":%.3f,"perSecond":%d,"p50Ms":%.2f,"p99Ms":%.2f}',
    summary.requests, errors, seconds, (summary.requests - errors) / seconds,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
