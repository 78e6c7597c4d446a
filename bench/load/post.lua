-- Every request is a POST with the same body; its size in octets is the script's argument.
function init(args)
  wrk.method = "POST"
  wrk.body = string.rep("y", tonumber(args[1]))
  wrk.headers["Content-Type"] = "application/octet-stream"
end
