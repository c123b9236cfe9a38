-- Asks Tollgate before each call of an OpenAI-style gateway behind nginx, and reports what the call used after it.
-- docs/gateways.md shows the configuration. Needs the Lua module of nginx and lua-cjson.
local json = require "cjson.safe"

local M = {
  host = "127.0.0.1", port = 8080, tls = false,
  key = os.getenv("TOLLGATE_API_KEY"), -- with Usage:Create
  -- What a call is expected to use at most; held until it is reported.
  estimated_cost = nil, estimated_tokens = nil,
  paths = {
    ["/v1/chat/completions"] = true, ["/v1/completions"] = true, ["/v1/embeddings"] = true, ["/v1/responses"] = true,
  },
}

-- Members in which bodies name further models. Tollgate is asked about one model, so that none of them goes through.
local further = {
  fallbacks = true, models = true, fallback_models = true, context_window_fallbacks = true, content_policy_fallbacks = true,
}

local streamed = { ["/v1/chat/completions"] = true, ["/v1/completions"] = true } -- streams that tell usage only if asked to
local silent = { ["/v1/embeddings"] = true } -- answers without output tokens
local kept = 256 * 1024 -- of the end of an answer, where the usage is
local patience = 2000 -- milliseconds
local attempts = 8

-- request asks Tollgate. It returns the status and the decoded body, or nil.
local function request(method, path, body)
  local socket = ngx.socket.tcp()
  socket:settimeouts(patience, patience, patience)
  if not socket:connect(M.host, M.port) then return nil end
  if M.tls and not socket:sslhandshake(nil, M.host, true) then return nil end
  local sent = body and json.encode(body) or ""
  -- HTTP/1.0, so that the answer is not chunked.
  socket:send({
    method, " ", path, " HTTP/1.0\r\nHost: ", M.host, ":", tostring(M.port), "\r\nConnection: keep-alive\r\nAuthorization: Bearer ", M.key,
    "\r\nContent-Type: application/json\r\nContent-Length: ", tostring(#sent), "\r\n\r\n", sent,
  })
  local line = socket:receive()
  local status = line and tonumber(line:match("^HTTP/1%.%d (%d%d%d)"))
  local length
  while status do
    line = socket:receive()
    if not line then return nil end
    if line == "" then break end
    length = length or tonumber(line:match("^[Cc]ontent%-[Ll]ength:%s*(%d+)"))
  end
  if not status then return nil end
  local answer = socket:receive(length or "*a")
  if not answer then return nil end
  if length then socket:setkeepalive(60000, 16) else socket:close() end
  return status, json.decode(answer)
end

local function refuse(status, message, kind, wait)
  ngx.status = status
  ngx.header["Content-Type"] = "application/json"
  ngx.header["Retry-After"] = wait
  ngx.say(json.encode({ error = { message = message, type = kind, code = kind } }))
  return ngx.exit(ngx.HTTP_OK)
end

-- own_id is an id for the call: nginx's of the request, as a UUID.
local function own_id()
  local hex = ngx.var.request_id
  return ("%s-%s-8%s-8%s-%s"):format(hex:sub(1, 8), hex:sub(9, 12), hex:sub(14, 16), hex:sub(18, 20), hex:sub(21, 32))
end

-- body is the call's body and what it says, or nil and why not.
local function read_body()
  if ngx.var.http_content_encoding then return nil, 415, "Send the body without Content-Encoding." end
  ngx.req.read_body()
  local text = ngx.req.get_body_data()
  if not text then return nil, 400, "Send a body that nginx keeps in memory (client_body_buffer_size)." end
  local call = json.decode(text)
  if type(call) ~= "table" or not text:match("^%s*{") then return nil, 400, "Send the call as a JSON object." end
  for name in pairs(call) do -- some gateways take Model for model
    local lower = tostring(name):lower()
    if lower ~= name and (lower == "model" or lower == "stream" or lower == "stream_options" or lower == "background") then
      return nil, 400, "Leave out " .. name .. ": names are in lower case."
    end
    if further[lower] then return nil, 400, "Leave out " .. name .. ": name one model." end
  end
  if type(call.model) ~= "string" or call.model == "" then return nil, 400, "Name the model." end
  if call.background and call.background ~= json.null then -- its answer comes later, by a call that does not pay for it
    return nil, 400, "Leave background out, or set it to false."
  end
  return text, call
end

-- ask_for_usage has a stream tell what it used. The field is put in as text, because decoding would change the rest.
local function ask_for_usage(text, call)
  if not call.stream or not streamed[ngx.var.uri] then return text end
  if call.stream_options == nil then return (text:gsub("{", '{"stream_options":{"include_usage":true},', 1)) end
  if type(call.stream_options) == "table" and call.stream_options.include_usage == true then return text end
  return nil
end

-- access decides about the call. Without a yes it goes no further.
function M.access()
  if not M.paths[ngx.var.uri] or ngx.req.get_method() ~= "POST" then
    return refuse(404, "This path is not served here.", "not_found")
  end
  local key = (ngx.var.http_authorization or ""):match("^[Bb]earer%s+(%S+)$") or ngx.var.http_x_api_key
  if not key then return refuse(401, "Send your virtual key as Bearer.", "access_not_found") end
  local text, call, why = read_body()
  if not text then return refuse(call, why, "invalid_request_error") end
  local changed = ask_for_usage(text, call)
  if not changed then
    return refuse(400, "Leave stream_options out, or set include_usage to true.", "invalid_request_error")
  end
  local id = own_id()
  local status, decision = request("POST", "/api/decisions", {
    virtual_key = key, model = call.model, reserve = true, reservation_id = id, estimated_cost = M.estimated_cost,
    estimated_tokens = M.estimated_tokens,
  })
  if status ~= 200 or type(decision) ~= "table" then
    return refuse(503, "Calls cannot be decided now: nothing is allowed meanwhile.", "unavailable", "1")
  end
  if decision.decision ~= true then
    return refuse(decision.status_code, decision.message, decision.type, decision.retry_after_s)
  end
  if changed ~= text then ngx.req.set_body_data(changed) end
  for name in pairs(ngx.req.get_headers(0)) do
    if name:match("^x%-portkey%-") then ngx.req.clear_header(name) end
  end
  for _, name in ipairs({ "Authorization", "X-Api-Key", "Api-Key", "X-Goog-Api-Key", "X-Bf-Vk", "Accept-Encoding", "Cookie" }) do
    ngx.req.clear_header(name)
  end
  ngx.ctx.call = {
    id = id, user = decision.user_id, provider = decision.provider, model = decision.model, asked = #text, pieces = 0, size = 0,
    answered = 0, chunks = {}, first = 1, began = ngx.time(),
  }
end

-- body_filter keeps the end of the answer.
function M.body_filter()
  local call, chunk = ngx.ctx.call, ngx.arg[1]
  if not call or not chunk or chunk == "" then return end
  local _, pieces = chunk:gsub("\ndata:", "")
  call.pieces = call.pieces + pieces + (chunk:match("^data:") and 1 or 0)
  call.chunks[#call.chunks + 1] = chunk
  call.size, call.answered = call.size + #chunk, call.answered + #chunk
  while call.size - #call.chunks[call.first] > kept do
    call.size = call.size - #call.chunks[call.first]
    call.chunks[call.first], call.first = "", call.first + 1
  end
end

local function input(used) return tonumber(used.prompt_tokens) or tonumber(used.input_tokens) end
local function output(used) return tonumber(used.completion_tokens) or tonumber(used.output_tokens) end

-- stated is the usage in an object itself. What is deeper may be the client's, such as its tools, which some answers repeat.
local function stated(object)
  local used = type(object) == "table" and object.usage
  return type(used) == "table" and input(used) and used or nil
end

-- streamed_usage is what the events of a stream state last, themselves or in their response.
local function streamed_usage(answer)
  local found
  for line in answer:gmatch("[^\r\n]+") do
    local event = line:find('"usage"', 1, true) and json.decode(line:match("^data:(.*)") or "")
    found = stated(event) or type(event) == "table" and stated(event.response) or found
  end
  return found
end

-- most_usage is the largest of the objects called usage in the end of an answer that was too long to keep. What is
-- around them is not looked at: those of the client can only add. A quote in a text is escaped, and not found.
local function most_usage(answer)
  local found, most
  for place in answer:gmatch('"usage"%s*:%s*(){') do
    local used = stated({ usage = json.decode(answer:sub(place, place + 4096):match("^%b{}") or "") })
    local tokens = used and input(used) + (output(used) or 0)
    if used and (not found or tokens > most) then found, most = used, tokens end
  end
  return found
end

-- usage is what the answer says that was used; nil when it does not say, or was cut off before.
local function usage(call)
  local answer = table.concat(call.chunks, "", call.first)
  local whole = call.size == call.answered and json.decode(answer)
  if type(whole) == "table" then return stated(whole) end
  return streamed_usage(answer) or call.size < call.answered and most_usage(answer) or nil
end

local function part(of, name, field)
  local details = of[name]
  return type(details) == "table" and tonumber(details[field]) or nil
end

-- event is what to report of a call; nil when it used nothing.
local function event(call, status)
  local report = {
    event_id = call.id, reservation_id = call.id, user_id = call.user, provider = call.provider, model = call.model,
    occurred_at = os.date("!%Y-%m-%dT%H:%M:%SZ", ngx.time()),
  }
  local used = usage(call)
  if used then
    report.input_tokens, report.output_tokens = input(used), output(used)
    report.cached_input_tokens = part(used, "prompt_tokens_details", "cached_tokens") or part(used, "input_tokens_details", "cached_tokens")
    report.reasoning_output_tokens = part(used, "completion_tokens_details", "reasoning_tokens") or
      part(used, "output_tokens_details", "reasoning_tokens")
    return report
  end
  if status >= 400 and call.pieces == 0 then return nil end
  -- The answer was cut off, or does not say: four bytes are about a token, and a piece of a stream is one.
  local pieces = call.pieces
  if pieces == 0 and not silent[ngx.var.uri] then pieces = math.ceil(call.answered / 4) end
  report.input_tokens, report.output_tokens, report.estimated = math.ceil(call.asked / 4), pieces, true
  return report
end

-- send reports until Tollgate has it: the id makes sure that it counts once.
local function send(premature, method, path, body, attempt)
  local status = request(method, path, body)
  if status and status < 500 and status ~= 429 then
    if status >= 300 then ngx.log(ngx.ERR, "Tollgate refuses a report: ", status) end
    return
  end
  if attempt == attempts or premature then
    ngx.log(ngx.ERR, "a report is lost: ", json.encode(body))
    return
  end
  ngx.timer.at(2 ^ (attempt - 1) / 4, send, method, path, body, attempt + 1)
end

-- log reports what the call used, or releases what was held for it.
function M.log()
  local call = ngx.ctx.call
  if not call then return end
  local report = event(call, ngx.status)
  if report then
    ngx.timer.at(0, send, "POST", "/api/usage", report, 1)
  else
    ngx.timer.at(0, send, "DELETE", "/api/reservations/" .. call.id, nil, 1)
  end
end

return M
