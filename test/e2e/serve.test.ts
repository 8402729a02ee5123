import { once } from "node:events";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { spawnPortcullis, stop, waitForLine } from "../support/processes.ts";
import { get, type Installation, install, type Sidecar, startUpstream, ticketRules } from "./support.ts";

const STATUS_ONLY = (upstream: string): string => ticketRules(upstream).split("  - id: tickets.read")[0] ?? "";

let sidecar: Sidecar | null = null;
afterEach(async () => {
  if (sidecar !== null) await stop(sidecar.process);
  sidecar = null;
});

async function serve(at: Installation): Promise<Sidecar> {
  sidecar = await at.serve();
  return sidecar;
}

const RELOADED = (text: string): boolean => text.includes('"rules reloaded"');
const REFUSED = (text: string): boolean => text.includes('"new rules refused, the old ones stay"');

/** An upstream that holds each request until it is let go. */
async function slowUpstream() {
  const arrived = Promise.withResolvers<void>();
  const letGo = Promise.withResolvers<void>();
  const url = await startUpstream((request, response) => {
    if (request.url === "/status") return void response.end("up");
    arrived.resolve();
    void letGo.promise.then(() => response.end("late"));
  });
  return { url, arrived: arrived.promise, letGo: () => letGo.resolve() };
}

describe("SIGTERM", () => {
  test("lets an open request end, then ends with exit 0 and the audit complete", async () => {
    const upstream = await slowUpstream();
    const at = install({ rules: ticketRules(upstream.url) });
    const key = await at.createKey("--scope", "tickets:read");
    const { process, url, ...running } = await serve(at);
    const slow = running.get("/tickets/acme", key.key);
    await upstream.arrived;
    process.child.kill("SIGTERM");
    expect(await running.untilReadiness(({ ready }) => !ready)).toEqual({ ready: false, reasons: ["draining"] });
    await expect(fetch(`${url}/status`)).rejects.toThrow("fetch failed");
    upstream.letGo();
    expect(await slow).toMatchObject({ status: 200, text: "late" });
    expect(await process.exited).toEqual({ code: 0, signal: null });
    const told = process.stderr().split("\n");
    expect(told).toContain("stopping: 1 open request, up to 30s; a second Ctrl-C ends at once");
    expect(told).toContain("stopped");
    expect(told.find((line) => line.includes('"msg":"stopping"'))).toContain('"open_requests":1');
    expect(at.audit().filter(({ event }) => event === "request")).toMatchObject([
      { path: "/tickets/acme", status: 200, decision: "allow", credential: key.id },
    ]);
  });

  test("a second time ends at once, and not with exit 0", async () => {
    const upstream = await slowUpstream();
    const at = install({ rules: ticketRules(upstream.url) });
    const key = await at.createKey("--scope", "tickets:read");
    const { process, ...running } = await serve(at);
    const slow = running.get("/tickets/acme", key.key).catch((error: unknown) => String(error));
    await upstream.arrived;
    process.child.kill("SIGTERM");
    await running.untilReadiness(({ ready }) => !ready);
    process.child.kill("SIGTERM");
    expect(await process.exited).toEqual({ code: 1, signal: null });
    expect(await slow).toContain("fetch failed");
  });

  test("one Ctrl-C that comes twice, as under npm, is one; a later one ends at once", async () => {
    const upstream = await slowUpstream();
    const at = install({ rules: ticketRules(upstream.url) });
    const key = await at.createKey("--scope", "tickets:read");
    const { process, ...running } = await serve(at);
    const slow = running.get("/tickets/acme", key.key).catch((error: unknown) => String(error));
    await upstream.arrived;
    process.child.kill("SIGINT");
    await waitForLine(process, (line) => line.startsWith("stopping: 1 open request"));
    process.child.kill("SIGINT");
    expect(await running.untilReadiness(({ ready }) => !ready)).toMatchObject({ ready: false });
    const again = setInterval(() => process.child.kill("SIGINT"), 200);
    expect(await process.exited).toEqual({ code: 1, signal: null });
    clearInterval(again);
    expect(await slow).toContain("fetch failed");
  });

  test("cuts what is still open when the time for draining is over", async () => {
    const upstream = await slowUpstream();
    const at = install({ rules: ticketRules(upstream.url), more: "limits: { drain: 300ms }" });
    const key = await at.createKey("--scope", "tickets:read");
    const { process, ...running } = await serve(at);
    const slow = running.get("/tickets/acme", key.key).catch((error: unknown) => String(error));
    await upstream.arrived;
    process.child.kill("SIGTERM");
    expect(await process.exited).toEqual({ code: 0, signal: null });
    expect(await slow).not.toMatchObject({ status: 200 });
    expect(at.audit().filter(({ event }) => event === "request")).toMatchObject([{ path: "/tickets/acme" }]);
    upstream.letGo();
  });

  test("closes idle keep-alive connections at once", async () => {
    const upstream = await startUpstream((_request, response) => response.end("up"));
    const { process, ...running } = await serve(install({ rules: ticketRules(upstream) }));
    expect((await running.get("/status")).status).toBe(200);
    const before = performance.now();
    expect(await stop(process)).toEqual({ code: 0, signal: null });
    expect(performance.now() - before).toBeLessThan(5000);
  });
});

describe("health", () => {
  test("/healthz and /readyz say that it is up", async () => {
    const { adminUrl } = await serve(install({ rules: ticketRules("http://127.0.0.1:9") }));
    expect(await get(`${adminUrl}/healthz`)).toMatchObject({ status: 200, text: '{"status":"alive"}' });
    expect(await get(`${adminUrl}/readyz`)).toMatchObject({ status: 200, text: '{"ready":true,"reasons":[]}' });
  });
});

describe("a reload", () => {
  test("takes the new rules when their file changes", async () => {
    const upstream = await startUpstream((_request, response) => response.end("up"));
    const at = install({ rules: STATUS_ONLY(upstream) });
    const { process, ...running } = await serve(at);
    expect((await running.get("/tickets/acme")).status).toBe(404);
    const before = await running.rulesHash();
    at.writeRules(ticketRules(upstream));
    await waitForLine(process, RELOADED);
    expect((await running.get("/tickets/acme")).status).toBe(401);
    const after = await running.rulesHash();
    expect(after).not.toBe(before);
    expect(await running.metric('portcullis_config_reloads_total{result="ok"}')).toBe(1);
    await stop(process);
    expect(at.audit()).toMatchObject([
      { event: "request", status: 404, rules: before },
      { event: "config", action: "rules.reload", target: after, decision: "allow" },
      { event: "request", status: 401, rules: after },
    ]);
  });

  test("takes them on SIGHUP too", async () => {
    const at = install({ rules: ticketRules("http://127.0.0.1:9") });
    const { process } = await serve(at);
    process.child.kill("SIGHUP");
    await waitForLine(process, RELOADED);
    await stop(process);
    expect(at.audit()).toMatchObject([{ event: "config", action: "rules.reload", decision: "allow" }]);
  });

  test("of wrong rules keeps the old ones, and tells so in the log, the metrics and the audit", async () => {
    const upstream = await startUpstream((_request, response) => response.end("up"));
    const at = install({ rules: ticketRules(upstream) });
    const { process, ...running } = await serve(at);
    at.writeRules(ticketRules(upstream).replace("tickets:read]", "tickets:raed]"));
    const line = await waitForLine(process, REFUSED);
    expect(line).toContain("rules.yaml:11:14: unknown scope `tickets:raed` (did you mean `tickets:read`?)");
    expect(await running.get("/status")).toMatchObject({ status: 200, text: "up" });
    expect((await running.get("/tickets/acme")).status).toBe(401);
    expect(await running.metric('portcullis_config_reloads_total{result="error"}')).toBe(1);
    at.writeRules(STATUS_ONLY(upstream));
    await waitForLine(process, RELOADED);
    expect((await running.get("/tickets/acme")).status).toBe(404);
    await stop(process);
    expect(at.audit().filter(({ event }) => event === "config")).toMatchObject([
      { action: "rules.reload", decision: "deny", reason: "invalid_rules" },
      { action: "rules.reload", decision: "allow" },
    ]);
  });

  test("under load splits no request: each is served wholly by the old rules or wholly by the new", async () => {
    const rules = { a: flipRules("a", await startSide("a")), b: flipRules("b", await startSide("b")) };
    const at = install({ rules: rules.a });
    const { key } = await at.createKey("--scope", "tickets:read");
    const { process, url } = await serve(at);
    const answers = new Map<string, string>();
    const reloads = (): number => process.lines.filter(({ text }) => RELOADED(text)).length;
    const done = new AbortController();
    const flip = async (): Promise<void> => {
      for (let next = 1; !done.signal.aborted; next++) {
        at.writeRules(next % 2 === 0 ? rules.a : rules.b);
        await waitForLine(process, () => reloads() >= next);
      }
    };
    const flipping = flip();
    flipping.catch(() => undefined);
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    let sent = 0;
    const client = async (): Promise<void> => {
      while (sent < 2000 || reloads() < 6) {
        sent++;
        const { id, side: seen } = await ask(agent, `${url}/flip/acme`, key);
        answers.set(id, seen);
      }
    };
    await Promise.all(Array.from({ length: 16 }, client));
    done.abort();
    await flipping;
    agent.destroy();
    expect(answers.size).toBe(sent);
    expect(await stop(process)).toEqual({ code: 0, signal: null });
    const lines = at.audit().filter(({ event }) => event === "request");
    expect(lines).toHaveLength(sent);
    const combinations = new Set(
      lines.map((line) => `${answers.get(line.request_id ?? "")} ${line.route} ${line.rules} ${line.status}`),
    );
    const hashes = new Map(lines.map(({ route, rules: hash }) => [route, hash]));
    expect(combinations).toEqual(
      new Set([`a flip.a ${hashes.get("flip.a")} 200`, `b flip.b ${hashes.get("flip.b")} 200`]),
    );
  }, 60_000);
});

/** A service that says its name and which request it got. */
function startSide(side: string): Promise<string> {
  return startUpstream((request, response) => {
    response.end(JSON.stringify({ side, id: request.headers["x-request-id"] }));
  });
}

function flipRules(name: string, upstream: string): string {
  return `version: 1
upstreams: { side-${name}: { url: "${upstream}" } }
routes:
  - id: flip.${name}
    match: { methods: [GET], path: "/flip/:portal" }
    upstream: side-${name}
    scopes: [tickets:read]
    portal: path:portal
`;
}

/** Asks over kept connections; rejects where the answer is not the service's. */
function ask(agent: Agent, url: string, key: string): Promise<{ id: string; side: string }> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { agent, headers: { authorization: `Bearer ${key}` } }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`${response.statusCode}: ${text}`));
      });
    });
    sent.on("error", reject);
    sent.end();
  });
}

describe("rotation of the audit", () => {
  test("by rename and SIGHUP loses no line and tears none", async () => {
    const upstream = await startUpstream((_request, response) => response.end("up"));
    const at = install({ rules: ticketRules(upstream) });
    const { process, ...running } = await serve(at);
    const statuses: number[] = [];
    const some = async (): Promise<void> => {
      for (let i = 0; i < 100; i++) statuses.push((await running.get("/status")).status);
    };
    await some();
    const load = some();
    renameSync(at.auditFile, `${at.auditFile}.1`);
    process.child.kill("SIGHUP");
    await waitForLine(process, RELOADED);
    await load;
    await some();
    expect(existsSync(at.auditFile)).toBe(true);
    expect(await stop(process)).toEqual({ code: 0, signal: null });
    const [old, fresh] = [at.audit(`${at.auditFile}.1`), at.audit()].map((lines) =>
      lines.filter(({ event }) => event === "request"),
    );
    expect(old?.length).toBeGreaterThanOrEqual(100);
    expect(fresh?.length).toBeGreaterThanOrEqual(100);
    expect(new Set([...(old ?? []), ...(fresh ?? [])].map(({ request_id }) => request_id)).size).toBe(300);
    expect(new Set(statuses)).toEqual(new Set([200]));
  });
});

describe("an audit on standard output", () => {
  test("has standard output to itself: every line is one of the audit", async () => {
    const upstream = await startUpstream((_request, response) => response.end("up"));
    const at = install({ rules: ticketRules(upstream) });
    writeFileSync(at.config, readFileSync(at.config, "utf8").replace("{ file: ./audit.ndjson }", "{ stdout: true }"));
    const { process, ...running } = await serve(at);
    for (let i = 0; i < 3; i++) expect((await running.get("/status")).status).toBe(200);
    expect(await stop(process)).toEqual({ code: 0, signal: null });
    const lines = process.stdout().trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject(
      Array.from({ length: 3 }, () => ({ event: "request", path: "/status" })),
    );
  });
});

describe("a start that cannot be", () => {
  test.each(["public", "admin"])("says plainly that the %s port is taken", async (listener) => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const at = install({ rules: ticketRules("http://127.0.0.1:9") });
    const free = listener === "public" ? "admin" : "public";
    writeFileSync(
      at.config,
      `version: 1
listen: { ${listener}: { address: "127.0.0.1:${port}" }, ${free}: { address: "127.0.0.1:0" } }
`,
    );
    const started = spawnPortcullis(["serve", "--config", at.config]);
    expect(await started.exited).toEqual({ code: 1, signal: null });
    const told = started.stderr().trimEnd().split("\n");
    expect(told.at(-1)).toBe(`port ${port} is in use (listen.${listener}.address); give another there`);
    expect(started.stderr()).not.toContain("    at ");
    expect(started.stdout()).toBe("");
    other.close();
  });

  test("names file, line and column of every mistake in the configuration", async () => {
    const at = install({ rules: ticketRules("http://127.0.0.1:9") });
    writeFileSync(at.config, "version: 1\nlimits: { idel: 5s }\ncache:\n  ttl: soon\n");
    const started = spawnPortcullis(["serve", "--config", at.config]);
    expect(await started.exited).toEqual({ code: 1, signal: null });
    expect(started.stderr().trimEnd().split("\n")).toEqual([
      `${at.config}:2:11: unknown key \`idel\` (did you mean \`idle\`?)`,
      expect.stringMatching(/portcullis\.yaml:4:8: expected a duration/),
    ]);
  });

  test("names file, line and column of every mistake in the rules", async () => {
    const at = install({
      rules: ticketRules("http://127.0.0.1:9").replace("portal: path:portal", "portal: path:tenant"),
    });
    const started = spawnPortcullis(["serve", "--config", at.config]);
    expect(await started.exited).toEqual({ code: 1, signal: null });
    expect(started.stderr()).toContain(
      `${join(at.folder, "rules.yaml")}:12:13: the path has no parameter of this name`,
    );
    expect(started.stderr()).not.toContain("    at ");
  });
});
