-- Never ends, on each request.
core.register_action("spin", {"http-req"}, function(txn)
	while true do end
end)
