-- Sends one POST repeatedly, and writes the results as one line of JSON at the end.
local TIMEOUT_MS = 2000 -- the same as in wrk.py

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  wrk.method, wrk.body = "POST", file:read("*a")
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["X-API-Key"] = arguments[2]
  file:close()
end

function done(summary, latency, _)
  local errors, answers = summary.errors, summary.requests
  -- wrk leaves late answers out of its percentiles; here they count with the time limit.
  local function milliseconds(percentile)
    local rank = percentile * answers / (answers - errors.timeout)
    return rank <= 100 and latency:percentile(rank) / 1000 or TIMEOUT_MS
  end
  io.write(string.format(
    '\n{"seconds":%.6f,"answers":%d,"refused":%d,"late":%d,"broken":%d,"p50_ms":%.3f,"p95_ms":%.3f,"p99_ms":%.3f}\n',
    summary.duration / 1e6, answers, errors.status, errors.timeout, errors.connect + errors.read + errors.write,
    milliseconds(50), milliseconds(95), milliseconds(99)
  ))
end
