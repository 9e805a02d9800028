-- The load: CloudEvents with 1 KB of JSON, each with an id of its own.
-- Arguments: how events travel (binary, structured, batch), events per request, the prefix of the ids, and for binary
-- ones the number of keys (0 for none), of which each event carries a random one as its partitionkey.
-- Ids have a fixed width, so that a request's length is known before its events are.

local mode, per_request, prefix, keys
local head, tail
local parts
local sequence = 0

local data = '{"note":"' .. string.rep("x", 1024 - 11) .. '"}'
local source = "/shop/orders"
local kind = "com.example.order.created"

local function next_id()
    sequence = sequence + 1
    return string.format("%s-%010d", prefix, sequence)
end

local function json_parts()
    local before = '{"specversion":"1.0","id":"'
    local after = '","source":"' .. source .. '","type":"' .. kind
        .. '","time":"2026-01-01T00:00:00Z","tenant":"acme","datacontenttype":"application/json","data":' .. data .. "}"
    return before, after
end

local function start_line()
    return "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port .. "\r\n"
end

local function prepare_binary()
    head = start_line() .. "ce-specversion: 1.0\r\nce-source: " .. source .. "\r\nce-type: " .. kind
        .. "\r\nce-time: 2026-01-01T00:00:00Z\r\nce-tenant: acme\r\nContent-Type: application/json\r\nContent-Length: "
        .. #data .. "\r\nce-id: "
    tail = "\r\n\r\n" .. data
end

local function prepare_json(media_type, opening, closing)
    local before, after = json_parts()
    local id_length = #prefix + 11
    local length = #opening + #closing + per_request * (#before + id_length + #after) + (per_request - 1)
    parts = { start_line() .. "Content-Type: " .. media_type .. "\r\nContent-Length: " .. length .. "\r\n\r\n" .. opening }
    for event = 1, per_request do
        parts[3 * event - 1] = before
        parts[3 * event] = ""
        parts[3 * event + 1] = after .. (event < per_request and "," or closing)
    end
end

function init(arguments)
    mode, per_request, prefix, keys = arguments[1], tonumber(arguments[2]), arguments[3], tonumber(arguments[4])
    if mode == "binary" then
        prepare_binary()
    elseif mode == "structured" then
        prepare_json("application/cloudevents+json", "", "")
    else
        prepare_json("application/cloudevents-batch+json", "[", "]")
    end
end

function request()
    if mode == "binary" then
        local key = keys > 0 and "\r\nce-partitionkey: key-" .. math.random(keys) or ""
        return head .. next_id() .. key .. tail
    end
    for event = 1, per_request do
        parts[3 * event] = next_id()
    end
    return table.concat(parts)
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        'RESULT {"requests": %d, "refused": %d, "broken": %d, "duration_s": %.6f, "answer_p50_ms": %.3f, "answer_p99_ms": %.3f}\n',
        summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
        summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
