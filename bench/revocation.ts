/**
 * `node bench/revocation.ts [REVOKES]`: how long a call that revokes takes until it returns, when the last request with
 * the key was accepted and when its last stream was closed, counted from the call, with 1, 3 and 10 instances on one
 * Redis under load; and what the check of the lease adds to a hit. Needs `redis-server` on the PATH.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { systemClock } from "../src/core/clock.ts";
import { isScope, type Scope } from "../src/core/ids.ts";
import { createDigester } from "../src/credentials/digest.ts";
import { createKeyService, type KeyService } from "../src/credentials/key-service.ts";
import { Lease } from "../src/revocation/lease.ts";
import { openStore } from "../src/store/open.ts";
import type { Store } from "../src/store/types.ts";
import { type Server as Child, startServer } from "./child.ts";
import { median, spread } from "./stats.ts";

const SIZES = [1, 3, 10];
const REVOKES = Number(process.argv[2] ?? 200);
const LEASE_LIMIT_NS = 100;
const MAIN = resolve(import.meta.dirname, "../src/cli/bin.ts");
const LOAD_CORE = 1;

const folder = mkdtempSync(join(tmpdir(), "portcullis-bench-"));
const pepper = randomBytes(32).toString("base64url");
const upstream = createHttpServer((request, response) => {
  if (request.url !== "/tickets/events") return response.end("up");
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write("data: open\n\n");
  return undefined;
}).listen(0, "127.0.0.1");
await once(upstream, "listening");
const redisPort = await freePort();
const redis = spawn("redis-server", ["--port", String(redisPort), "--dir", folder, "--save", ""], { stdio: "ignore" });
const store = openStore(`redis://127.0.0.1:${redisPort}`, { clock: systemClock });
const children: Child[] = [];
try {
  await untilUp(store);
  console.log("| instances | revoke → return p50 | p99 | → last accept p50 | p99 | → last stream closed p50 | p99 |");
  console.log("|---|---|---|---|---|---|---|");
  for (const size of SIZES) {
    while (children.length < size) children.push(await startInstance(children.length));
    const { returns, lastAccepts, lastClosed } = await measure(children);
    const cells = [returns, lastAccepts, lastClosed].flatMap((times) => [at(times, 0.5), at(times, 0.99)]);
    console.log(`| ${size} | ${cells.map((ms) => `${ms.toFixed(2)} ms`).join(" | ")} |`);
  }
  const cost = leaseCost();
  console.log(`\nthe check of the lease: ${cost.median.toFixed(1)} ns (${cost.min.toFixed(1)}–${cost.max.toFixed(1)})`);
  if (!(cost.median <= LEASE_LIMIT_NS)) process.exitCode = 1;
} finally {
  await Promise.all(children.map((child) => child.stop()));
  await store.close();
  redis.kill();
  upstream.closeAllConnections();
  upstream.close();
  await once(redis, "exit");
  rmSync(folder, { recursive: true });
}

/** Revokes keys, one after the other, each in use at every instance. Times from the call, ms. */
async function measure(instances: readonly Child[]) {
  const keys = keyService(store);
  const returns: number[] = [];
  const lastAccepts: number[] = [];
  const lastClosed: number[] = [];
  const wish = { name: "bench", portal: null, expiresInMs: null, subject: "bench", createdBy: "bench" };
  for (let turn = 0; turn < REVOKES; turn++) {
    const { key, record } = await keys.create({ ...wish, scopes: ["tickets:read"] });
    const closed = await Promise.all(instances.map(({ url }) => openStream(url, key)));
    const over = new AbortController();
    let last = Number.NEGATIVE_INFINITY;
    const loops = instances.map(async ({ url }) => {
      while (!over.signal.aborted) {
        const startedAt = performance.now();
        const response = await fetch(`${url}/tickets/acme`, { headers: { authorization: `Bearer ${key}` } });
        await response.body?.cancel();
        if (response.ok) last = Math.max(last, startedAt);
      }
    });
    await new Promise((resume) => setTimeout(resume, 20));
    const from = performance.now();
    await keys.revoke(record.id);
    returns.push(performance.now() - from);
    lastClosed.push(Math.max(...(await Promise.all(closed.map((stream) => stream.at)))) - from);
    over.abort();
    await Promise.all(loops);
    if (last > from + (returns.at(-1) ?? 0)) throw new Error("a request that began after the return was accepted");
    lastAccepts.push(Math.max(0, last - from));
  }
  return { returns, lastAccepts, lastClosed };
}

/** An event stream that has begun; `at` is when it was closed. */
async function openStream(url: string, key: string): Promise<{ readonly at: Promise<number> }> {
  const response = await fetch(`${url}/tickets/events`, { headers: { authorization: `Bearer ${key}` } });
  const reader = response.body?.getReader();
  if (!response.ok || reader === undefined) throw new Error(`no stream: ${response.status}`);
  await reader.read();
  const end = reader.read().then(
    () => performance.now(),
    () => performance.now(),
  );
  return { at: end };
}

/** Nanoseconds, over rounds. */
function leaseCost() {
  const lease = new Lease(systemClock, 3_600_000);
  lease.renewed(lease.moment());
  const rounds = Array.from({ length: 51 }, () => {
    const start = process.hrtime.bigint();
    for (let turn = 0; turn < 200_000; turn++) if (!lease.holds()) throw new Error("the lease is over");
    return Number(process.hrtime.bigint() - start) / 200_000;
  });
  return spread(rounds.slice(10));
}

function keyService({ keys }: Store): KeyService {
  const scopes = new Map<Scope, string>(["tickets:read"].filter(isScope).map((scope) => [scope, "bench"]));
  const digester = createDigester({ pepper });
  return createKeyService({ keys, digester, clock: systemClock, randomBytes, scopes });
}

function startInstance(number: number): Promise<Child> {
  const config = join(folder, `desk${number}.yaml`);
  const address: AddressInfo | string | null = upstream.address();
  const port = typeof address === "object" ? address?.port : 0;
  writeFileSync(
    join(folder, "rules.yaml"),
    `version: 1
upstreams: { desk: { url: "http://127.0.0.1:${port}" } }
routes:
  - { id: tickets, match: { path: "/tickets/:portal" }, upstream: desk, scopes: [tickets:read], portal: "path:portal" }
`,
  );
  writeFileSync(
    config,
    `version: 1
listen: { public: { address: "127.0.0.1:0" }, admin: { address: "127.0.0.1:0" } }
store: { url: "redis://127.0.0.1:${redisPort}" }
audit: { sinks: [{ file: ./audit${number}.ndjson }] }
secrets: { pepper: "${pepper}" }
oauth: { enabled: false }
limits: { drain: 1s }
log: { level: error }
`,
  );
  return startServer(LOAD_CORE, [MAIN, "serve", "--config", config]);
}

async function untilUp(opened: Store): Promise<void> {
  for (;;) {
    const up = await opened.ping().then(
      () => true,
      () => false,
    );
    if (up) return;
    await new Promise((resume) => setTimeout(resume, 50));
  }
}

async function freePort(): Promise<number> {
  const server: Server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("the system gave no port");
  return address.port;
}

function at(times: readonly number[], part: number): number {
  if (part === 0.5) return median(times);
  return times.toSorted((a, b) => a - b)[Math.floor((times.length - 1) * part)] ?? Number.NaN;
}
