-- Asks for predictions without a break, and tells what came of it as one line of JSON.
local threads = {}
good, shed, patient, other = 0, 0, 0, 0 -- global, so that `done` can get them from the thread

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  wrk.method, wrk.body = "POST", arguments[1]
  wrk.headers["Content-Type"] = "application/json"
end

function response(status, headers, body)
  if status == 200 then
    good = good + 1
  elseif status == 503 and body:find('"status":503', 1, true) and body:find("Retry later", 1, true) then
    shed = shed + 1
    if headers["retry-after"] == "1" then patient = patient + 1 end
  else
    other = other + 1
  end
end

function done(summary, latency, _)
  local function sum(name)
    local total = 0
    for _, thread in ipairs(threads) do total = total + (thread:get(name) or 0) end
    return total
  end
  local errors = summary.errors
  io.write(string.format(
    '\n{"seconds":%.6f,"good":%d,"shed":%d,"patient":%d,"other":%d,"broken":%d,"slowest_seconds":%.6f}\n',
    summary.duration / 1e6, sum("good"), sum("shed"), sum("patient"), sum("other"),
    errors.connect + errors.read + errors.write + errors.timeout, latency.max / 1e6
  ))
end
