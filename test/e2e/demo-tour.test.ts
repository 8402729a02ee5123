import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, onTestFailed, test } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { openStore } from "../../src/store/open.ts";
import { type Exit, outputOf, type RunningProcess, spawnPortcullis } from "../support/processes.ts";
import { startRedis } from "../support/redis.ts";
import { tempFolder } from "../support/temp.ts";
import { type AuditLine, KEY_PATTERN, readAudit } from "./support.ts";

let data: string;
let tour: RunningProcess;
let exit: Exit;
let audit: readonly AuditLine[];
/** Id of each seeded key → its name. */
let names: ReadonlyMap<string, string>;

beforeAll(async () => {
  data = tempFolder();
  tour = spawnPortcullis(["demo", "--tour", "--data", data]);
  exit = await tour.exited;
  audit = readAudit(join(data, "audit.ndjson")).filter(({ event }) => event !== "admin");
  const store = openStore(`sqlite:${join(data, "portcullis.db")}`, { clock: systemClock });
  const records = await store.keys.list({ limit: 100 });
  await store.close();
  names = new Map(records.map(({ id, name }) => [id, name.replace("demo ", "")]));
}, 60_000);

const TICKETS = "/api/portals/acme/tickets";

/** Every verdict of the tour: event, request, rule, status, decision, reason and whose key. */
const VERDICTS = [
  "request GET /status · status · 200 allow public · -",
  `request GET ${TICKETS} · tickets.read · 401 deny credential_missing · -`,
  `request GET ${TICKETS} · tickets.read · 200 allow allowed · reader`,
  `request POST ${TICKETS} · tickets.write · 403 deny insufficient_scope · reader`,
  `request POST ${TICKETS} · tickets.write · 201 allow allowed · writer`,
  `request GET ${TICKETS} · tickets.read · 200 allow allowed · acme`,
  "request GET /api/portals/globex/tickets · tickets.read · 403 deny portal_forbidden · acme",
  "request GET /api/search · search · 403 deny portal_forbidden · acme",
  "request GET /api/search · search · 400 deny ambiguous_portal · acme",
  `request GET ${TICKETS}/%2E%2E/%2E%2E/globex/tickets · - · 400 deny bad_request · -`,
  "request POST /api/portals/acme/workflows/escalate/runs · workflows.run · 202 allow allowed · workflows",
  `request GET ${TICKETS} · tickets.read · 401 deny credential_revoked · revoked`,
  `request GET ${TICKETS} · tickets.read · 401 deny credential_unknown · -`,
  `request GET ${TICKETS} · tickets.read · 400 deny ambiguous_credential · -`,
  "request GET /internal/debug · - · 404 deny no_route · -",
  "request DELETE /status · - · 405 deny method_not_allowed · -",
  // A key revoked while in use.
  `request GET ${TICKETS} · tickets.read · 200 allow allowed · short-lived`,
  `request GET ${TICKETS} · tickets.read · 401 deny credential_revoked · short-lived`,
  // The event stream, and the ticket that it tells of.
  "stream_open GET /api/portals/acme/events · tickets.events · 200 allow allowed · reader",
  `request POST ${TICKETS} · tickets.write · 201 allow allowed · writer`,
  "stream_close GET /api/portals/acme/events · tickets.events · 200 allow client_closed · reader",
  // The WebSocket.
  "stream_open GET /api/portals/acme/live · tickets.live · 101 allow allowed · acme",
  "stream_close GET /api/portals/acme/live · tickets.live · 101 allow allowed · acme",
];

function verdictOf(line: AuditLine): string {
  const key = line.credential === undefined || line.credential === null ? "-" : names.get(line.credential);
  const what = `${line.event} ${line.method} ${line.path} · ${line.route ?? "-"}`;
  return `${what} · ${line.status} ${line.decision} ${line.reason} · ${key}`;
}

describe("portcullis demo --tour", () => {
  test("ends by itself and says that every verdict is as expected", () => {
    onTestFailed(() => console.error(outputOf(tour)));
    expect(exit).toEqual({ code: 0, signal: null });
    expect(tour.stdout()).toContain("All 23 verdicts are as expected");
    expect(tour.stdout()).not.toContain("✗");
    expect(tour.stderr()).toMatch(/^kept: \S+\n$/);
  });

  test("makes the same tour on a Redis", async () => {
    const redis = await startRedis();
    const other = spawnPortcullis(["demo", "--tour", "--store", redis.url, "--data", tempFolder()]);
    onTestFailed(() => console.error(outputOf(other)));
    expect(await other.exited).toEqual({ code: 0, signal: null });
    expect(other.stdout()).toContain("All 23 verdicts are as expected");
    expect(await redis.command("DBSIZE")).not.toBe(":0");
  });

  test("leaves each verdict in the audit once, for its reason", () => {
    const plain = audit.filter(({ path }) => path !== "/mcp").map(verdictOf);
    expect(plain.toSorted()).toEqual(VERDICTS.toSorted());
    expect(new Set(audit.map((line) => `${line.request_id} ${line.event}`)).size).toBe(audit.length);
  });

  test("leaves each MCP message in the audit under its key, with its tool, and every stream closed", () => {
    const lines = audit.filter(({ path }) => path === "/mcp");
    expect(lines.every((line) => line.route === "mcp")).toBe(true);
    const calls = lines
      .filter(({ event, mcp }) => event !== "stream_open" && mcp?.method === "tools/call")
      .map((line) => `${names.get(line.credential ?? "")}: ${line.mcp?.tool} ${line.status} ${line.reason}`);
    expect(calls).toEqual([
      "reader: get_ticket 200 allowed",
      "reader: update_ticket 403 insufficient_scope",
      "acme: get_ticket 403 portal_forbidden",
    ]);
    expect(lines.filter(({ decision }) => decision === "deny")).toHaveLength(2);
    const opened = lines.filter(({ event }) => event === "stream_open").map(({ request_id }) => request_id);
    const closed = lines.filter(({ event }) => event === "stream_close").map(({ request_id }) => request_id);
    expect(new Set(closed)).toEqual(new Set(opened));
    expect(closed).toHaveLength(opened.length);
    // Each of the four clients ends its session.
    expect(lines.filter(({ method }) => method === "DELETE")).toHaveLength(4);
  });

  test("writes no key anywhere: not to its outputs, the audit, the database or what else is in its folder", () => {
    expect(tour.stdout()).not.toMatch(KEY_PATTERN);
    expect(tour.stderr()).not.toMatch(KEY_PATTERN);
    const files = readdirSync(data);
    expect(files).toEqual(expect.arrayContaining(["audit.ndjson", "portcullis.db"]));
    expect(files.filter((file) => KEY_PATTERN.test(readFileSync(join(data, file), "latin1")))).toEqual([]);
  });
});
