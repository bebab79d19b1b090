using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
	services = [(name = "main", worker = .worker)],
	sockets = [(name = "http", address = "{{.Host}}:{{.Port}}", http = (), service = "main")],
);

const worker :Workerd.Worker = (
	modules = [(name = "worker", esModule = embed "worker.js"), (name = "body", text = embed "body.txt")],
	compatibilityDate = "2026-01-01",
);
