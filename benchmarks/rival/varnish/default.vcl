# What Varnish does by itself, but for the length of the names: honour the origin's fields, collapse, keep in memory.
vcl 4.1;

backend origin {
	.host = "{{.OHost}}";
	.port = "{{.OPort}}";
}
{{if .Revalidate}}
# By itself it would answer with the old response and ask afterwards; here it is to ask first.
sub vcl_backend_response {
	set beresp.grace = 0s;
	set beresp.keep = 1h;
}
{{end}}
{{if eq .Function "ua"}}
sub vcl_deliver {
	if (req.http.User-Agent ~ "Mobile") {
		set resp.http.X-Device = "mobile";
	} else {
		set resp.http.X-Device = "{{.Word}}";
	}
}
{{end}}
{{if eq .Function "ab"}}
sub vcl_recv {
	if (req.http.Cookie ~ "(^|; *)cohort=b(;|$)") {
		set req.http.X-Cohort = "b";
	} else {
		set req.http.X-Cohort = "a";
	}
	# By itself it would ask the origin whenever a request has cookies.
	unset req.http.Cookie;
}

sub vcl_deliver {
	set resp.http.X-Cohort = req.http.X-Cohort;
}
{{end}}
