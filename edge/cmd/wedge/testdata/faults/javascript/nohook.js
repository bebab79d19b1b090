import { ConfigStore } from "fastly:config-store";

async function handle(request) {
  return new Response(new ConfigStore("settings").get("name"));
}
