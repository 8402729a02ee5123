import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SMALL_LIMIT } from "./expectation.ts";

/** Files of a sidecar for the soak. Returns the path of the configuration. */
export async function writeConfig(
  folder: string,
  ports: { readonly upstream: number; readonly down: number },
): Promise<string> {
  await writeFile(join(folder, "rules.yaml"), rules(ports.upstream, ports.down));
  const config = join(folder, "portcullis.yaml");
  await writeFile(config, CONFIG);
  return config;
}

const CONFIG = `version: 1
listen: { public: { address: "127.0.0.1:0" }, admin: { address: "127.0.0.1:0" } }
store: { url: "sqlite:./portcullis.db" }
audit: { sinks: [{ file: ./audit.ndjson }] }
limits: { drain: 1s }
log: { level: fatal }
rules: ./rules.yaml
`;

function rules(upstream: number, down: number): string {
  const own = `scopes: [tickets:write]`;
  const ticket = "/api/portals/:portal/tickets/:marker";
  return `version: 1
upstreams:
  desk: { url: "http://127.0.0.1:${upstream}" }
  slow: { url: "http://127.0.0.1:${upstream}", response_timeout: 300ms }
  down: { url: "http://127.0.0.1:${down}" }
routes:
  - { id: open, match: { path: /open/:marker }, upstream: desk, public: true }
  - { id: tickets.read, match: { methods: [GET, HEAD], path: "${ticket}" }, upstream: desk, scopes: [tickets:read], portal: "path:portal" }
  - { id: tickets.write, match: { methods: [POST, PUT, PATCH, DELETE], path: "${ticket}" }, upstream: desk, ${own}, portal: "path:portal" }
  - { id: search, match: { methods: [GET], path: /search/:marker }, upstream: desk, scopes: [tickets:read], portal: "query:portal_id" }
  - { id: hook, match: { methods: [POST], path: /hook/:marker }, upstream: desk, ${own}, portal: "json:/portal_id" }
  - { id: small, match: { methods: [POST], path: /small/:marker }, upstream: desk, ${own}, portal: "header:x-portal", body_bytes: ${SMALL_LIMIT}B }
  - { id: events, match: { methods: [GET], path: "/api/portals/:portal/events/:marker" }, upstream: desk, scopes: [tickets:read], portal: "path:portal" }
  - { id: live, match: { methods: [GET], path: "/api/portals/:portal/live/:marker" }, upstream: desk, scopes: [tickets:read], portal: "path:portal" }
  - { id: down, match: { path: /down/:marker }, upstream: down, public: true }
  - { id: slow, match: { path: /slow/:marker }, upstream: slow, public: true }
`;
}
