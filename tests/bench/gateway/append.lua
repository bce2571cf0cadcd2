-- wrk: single-record appends, one JSON line at the end. TARGET is the path; TOKEN the bearer token, if one is needed.
wrk.method = "POST"
wrk.path = os.getenv("TARGET")
wrk.headers["Content-Type"] = "application/json"
if os.getenv("TOKEN") then wrk.headers["Authorization"] = "Bearer " .. os.getenv("TOKEN") end
wrk.body = '{"model":"bench","records":[{"timestamp":"2014-04-14 18:00:00","value":0.13223,"machine":7}]}'

-- refused: answers that are no acknowledgement. A figure with any of them is void.
function done(summary, latency)
    local errors = summary.errors
    io.write(string.format('{"requests":%d,"requests_per_s":%.0f,"p50_us":%d,"p99_us":%d,"refused":%d,"socket_errors":%d}\n',
        summary.requests, summary.requests / (summary.duration / 1e6), latency:percentile(50), latency:percentile(99), errors.status,
        errors.connect + errors.read + errors.write + errors.timeout))
end
