import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { ChangeTag } from "../../src/core/change-tag.ts";
import { credentialIdOf } from "../../src/credentials/access-token.ts";
import { portal, scopes } from "../credentials/tokens.ts";
import { startRedis } from "../support/redis.ts";
import { statusOf } from "../support/wire.ts";
import { codeOf, connectTo, head } from "./client.ts";
import { type Kind, KINDS, requestIdIn, type Stage, startStage, UNANSWERED } from "./streams-stage.ts";

const STORES = ["SQLite", "Redis"] as const;
const stages = new Map<string, Stage>();

beforeAll(async () => {
  const redis = await startRedis();
  stages.set("SQLite", await startStage());
  stages.set("Redis", await startStage({ storeUrl: redis.url }));
});

function stageOf(store: string): Stage {
  const stage = stages.get(store);
  if (stage === undefined) throw new Error("no such stage");
  return stage;
}

async function keyOf({ keys }: Stage, expiresInMs: number | null = null) {
  const wish = {
    name: "k",
    scopes: ["tickets:read", "tickets:write"],
    portal: null,
    subject: "ada",
    createdBy: "test",
  };
  const { key, record } = await keys.create({ ...wish, expiresInMs });
  return { key, id: record.id, tag: `credential:${record.id}` as const };
}

/** The last audit line of a request. */
async function lastLine({ line }: Stage, requestId: string, event: string) {
  for (;;) {
    const lines = line.auditText().split("\n").slice(0, -1);
    const found = lines.map((text): Record<string, unknown> => JSON.parse(text));
    const last = found.findLast((each) => each["request_id"] === requestId && each["event"] === event);
    if (last !== undefined) return last;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const eventOf = (kind: Kind): string =>
  ["SSE", "WebSocket", "MCP GET", "MCP POST"].includes(kind) ? "stream_close" : "request";

/** Resolves once `holds`. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe.each(STORES)("a revoke, on %s", (store) => {
  test.each(KINDS)("ends what is under way by that key when it returns, and nothing else: %s", async (kind) => {
    const stage = stageOf(store);
    const { keys, line, open, service } = stage;
    await until(() => service.open() === 0);
    const [mine, theirs] = [await keyOf(stage), await keyOf(stage)];
    const ended = await open(kind, mine.key);
    await open(kind, theirs.key);
    expect([line.open.openOf(mine.tag), line.open.openOf(theirs.tag)]).toEqual([1, 1]);
    expect(await stage.change(() => keys.revoke(mine.id))).toBe(1);
    expect([line.open.openOf(mine.tag), line.open.openOf(theirs.tag)]).toEqual([0, 1]);
    const text = await ended.end();
    expect(text.startsWith("closed with 1008")).toBe(kind === "WebSocket");
    await until(() => service.open() === 1);
    const isUnanswered = UNANSWERED.includes(kind);
    expect(/^HTTP\/1.1 401 .*"credential_invalid"/s.test(text)).toBe(isUnanswered);
    const audited = await lastLine(stage, ended.requestId ?? requestIdIn(text) ?? "none", eventOf(kind));
    expect(audited).toMatchObject({ credential: mine.id, decision: "allow", reason: "credential_revoked" });
    expect(audited["status"]).toBe(isUnanswered ? 401 : kind === "WebSocket" ? 101 : 200);
    expect(line.open.openOf(theirs.tag)).toBe(1);
  });

  test("puts nothing into a WebSocket message that is half sent", async () => {
    const stage = stageOf(store);
    const { id, key } = await keyOf(stage);
    const wire = await connectTo(stage.line);
    const fields = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
    fields.push("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", `Authorization: Bearer ${key}`);
    await wire.write(head("GET /live/half", fields));
    await wire.until("\r\n\r\n\x82\x0a\x01\x02");
    expect(await stage.change(() => stage.keys.revoke(id))).toBe(1);
    await wire.end();
    expect(wire.text.endsWith("\r\n\r\n\x82\x0a\x01\x02")).toBe(true);
  });

  test("refuses a request whose body is still read to decide by it, before anything is sent", async () => {
    const stage = stageOf(store);
    const { line, service } = stage;
    const { id, key, tag } = await keyOf(stage);
    const arrived = service.arrived();
    const wire = await connectTo(line);
    const fields = [`Authorization: Bearer ${key}`, "Content-Type: application/json", "Content-Length: 100"];
    await wire.write(`${head("POST /mcp", [...fields, "Accept: application/json, text/event-stream"])}{`);
    await until(() => line.open.openOf(tag) === 1);
    expect(await stage.change(() => stage.keys.revoke(id))).toBe(1);
    const answer = await wire.nextResponse();
    expect([statusOf(answer), codeOf(answer)]).toEqual([401, "credential_invalid"]);
    await wire.write("}".padStart(99));
    const audited = await lastLine(stage, requestIdIn(wire.text) ?? "none", "request");
    expect(audited).toMatchObject({ credential: id, decision: "deny", reason: "credential_revoked" });
    expect(service.arrived()).toBe(arrived);
  });
});

/** Changes to what a token hangs on, and what becomes of its event stream; `null` where that goes on. */
type Token = Awaited<ReturnType<Stage["token"]>>;
const CHANGES: readonly (readonly [string, string | null, (stage: Stage, token: Token) => Promise<unknown>])[] = [
  ["the grant is revoked", "credential_revoked", ({ desk }, { grant }) => desk.grants.revoke(grant.id, Date.now())],
  [
    "the client is disabled",
    "credential_revoked",
    ({ desk }, { client }) => desk.clients.update({ ...client, status: "disabled" }),
  ],
  [
    "the person is disabled",
    "credential_revoked",
    ({ desk }, { person }) => desk.people.update({ ...person, disabledAt: Date.now() }),
  ],
  [
    "the token is revoked as RFC 7009 has it",
    "credential_revoked",
    ({ line, other }, { token }) => {
      const digest = line.digester.stored(token);
      const tags: ChangeTag[] = [`digest:${digest}`, `credential:${credentialIdOf(digest)}`];
      return other.documents.remove("AccessToken", digest, tags);
    },
  ],
  [
    "the person has lost a scope that the rule needs",
    "insufficient_scope",
    ({ desk }, { person }) => desk.people.update({ ...person, scopes: scopes("users:read", "tickets:write") }),
  ],
  [
    "the client is restricted to a portal",
    "portal_forbidden",
    ({ desk }, { client }) => desk.clients.update({ ...client, portal: portal("acme") }),
  ],
  [
    "the person has lost another scope",
    null,
    ({ desk }, { person }) => desk.people.update({ ...person, scopes: scopes("tickets:read") }),
  ],
  ["the person is renamed", null, ({ desk }, { person }) => desk.people.update({ ...person, name: "Grace" })],
];

describe.each(STORES)("an event stream by a token, on %s", (store) => {
  test.each(CHANGES)("%s: %s", async (_what, reason, change) => {
    const stage = stageOf(store);
    const [mine, theirs] = [await stage.token(), await stage.token()];
    const [ended, other] = [await stage.open("SSE", mine.token), await stage.open("SSE", theirs.token)];
    const [tag, otherTag] = [`grant:${mine.grant.id}`, `grant:${theirs.grant.id}`] as const;
    expect(await stage.change(() => change(stage, mine))).toBe(reason === null ? 0 : 1);
    expect([stage.line.open.openOf(tag), stage.line.open.openOf(otherTag)]).toEqual([reason === null ? 1 : 0, 1]);
    expect(other.requestId).not.toBeNull();
    if (reason === null) return;
    await ended.end();
    const audited = await lastLine(stage, ended.requestId ?? "", "stream_close");
    expect(audited).toMatchObject({ reason, decision: "allow", status: 200 });
  });

  test("an MCP stream ends with any scope of its caller, because lists in it were filtered by all of them", async () => {
    const stage = stageOf(store);
    const [less, more] = [await stage.token(), await stage.token()];
    const [ended] = [await stage.open("MCP GET", less.token), await stage.open("MCP GET", more.token)];
    const narrowed = { ...less.person, scopes: scopes("tickets:read") };
    expect(await stage.change(() => stage.desk.people.update(narrowed))).toBe(1);
    await ended.end();
    const audited = await lastLine(stage, ended.requestId ?? "", "stream_close");
    expect(audited).toMatchObject({ reason: "insufficient_scope", decision: "allow" });
    const widened = { ...more.person, scopes: scopes("tickets:*", "users:read", "workflows:run") };
    expect(await stage.change(() => stage.desk.people.update(widened))).toBe(0);
    expect(stage.line.open.openOf(`grant:${more.grant.id}`)).toBe(1);
  });

  test("a key is rotated: without an overlap it ends at once, with one it goes on until that is over", async () => {
    const stage = stageOf(store);
    const [now, later] = [await keyOf(stage), await keyOf(stage)];
    const [first, second] = [await stage.open("SSE", now.key), await stage.open("WebSocket", later.key)];
    expect(await stage.change(() => stage.keys.rotate(now.id, { overlapMs: 0 }))).toBe(1);
    await first.end();
    const rotated = Date.now();
    expect(await stage.change(() => stage.keys.rotate(later.id, { overlapMs: 400 }))).toBe(0);
    expect(stage.line.open.openOf(later.tag)).toBe(1);
    await second.end();
    const waited = Date.now() - rotated;
    expect(waited).toBeGreaterThanOrEqual(399);
    expect(waited).toBeLessThan(1000);
    for (const { requestId } of [first, second]) {
      const audited = await lastLine(stage, requestId ?? "", "stream_close");
      expect(audited).toMatchObject({ reason: "credential_expired", decision: "allow" });
    }
  });
});

describe("a person who is disabled while a token is looked up", () => {
  test("has nothing open when that returns, in whichever step of the look-up it comes", async () => {
    let change: (() => Promise<void>) | null = null;
    const next = async (): Promise<void> => {
      const work = change;
      change = null;
      await work?.();
    };
    const stage = await startStage({
      beforeTokens: (source) => ({ find: (digest) => source.find(digest).finally(() => void next()) }),
    });
    const { line } = stage;
    for (let steps = 0; steps < 25; steps += 1) {
      const { person, token } = await stage.token();
      const tag = `person:${person.id}` as const;
      const disabled = Promise.withResolvers<number>();
      change = async () => {
        for (let step = 0; step < steps; step += 1) await Promise.resolve();
        // In this process the change counts at once, so that it comes between any two steps.
        await line.desk.people.update({ ...person, disabledAt: Date.now() });
        disabled.resolve(line.open.openOf(tag));
      };
      const wire = await connectTo(line);
      await wire.write(head("GET /stream", [`Authorization: Bearer ${token}`]));
      expect(await disabled.promise, `after ${steps} steps`).toBe(0);
      await until(() => wire.finished || wire.text.includes("credential_invalid"));
      expect(line.open.openOf(tag)).toBe(0);
    }
  });
});

describe("MCP access is switched off", () => {
  test("MCP streams end, by keys and tokens; other streams of keys go on", async () => {
    const stage = await startStage();
    const { desk, line } = stage;
    const [ours, { grant, token }] = [await keyOf(stage), await stage.token()];
    const [get, post, sse] = [
      await stage.open("MCP GET", ours.key),
      await stage.open("MCP POST", token),
      await stage.open("SSE", ours.key),
    ];
    const settings = await desk.settings.read();
    const off = { ...settings, mcpAccess: false, mcpOffAt: Date.now() };
    expect(await stage.change(() => desk.settings.write(off))).toBe(2);
    await Promise.all([get.end(), post.end()]);
    expect(await lastLine(stage, get.requestId ?? "", "stream_close")).toMatchObject({ reason: "mcp_disabled" });
    expect(await lastLine(stage, post.requestId ?? "", "stream_close")).toMatchObject({ reason: "credential_revoked" });
    expect([line.open.openOf(ours.tag), line.open.openOf(`grant:${grant.id}`)]).toEqual([1, 0]);
    expect(
      line
        .auditText()
        .split("\n")
        .filter((text) => text.includes(sse.requestId ?? "")),
    ).toHaveLength(1);
    const metrics = await line.metrics();
    expect(metrics).toContain('portcullis_streams_closed_total{reason="mcp_disabled"} 1');
    expect(metrics).toContain('portcullis_streams_closed_total{reason="credential_revoked"} 1');
  });
});

describe("a credential that comes to its end", () => {
  test.each(KINDS)("ends what is under way by it: %s", async (kind) => {
    const stage = stageOf("SQLite");
    const [mine, theirs] = [await keyOf(stage, 1000), await keyOf(stage)];
    const end = Date.now() + 1000;
    const ended = await stage.open(kind, mine.key);
    await stage.open(kind, theirs.key);
    await until(() => stage.line.open.openOf(mine.tag) === 0);
    expect(Date.now() - end).toBeLessThan(300);
    const text = await ended.end();
    const audited = await lastLine(stage, ended.requestId ?? requestIdIn(text) ?? "", eventOf(kind));
    expect(audited).toMatchObject({ credential: mine.id, reason: "credential_expired", decision: "allow" });
    expect(stage.line.open.openOf(theirs.tag)).toBe(1);
  });
});

describe("when the store hangs", () => {
  test("what a change touched is closed in a quarter of a second, and what it did not touch goes on", async () => {
    let hangs = false;
    const stage = await startStage({
      beforeTokens: (source) => ({ find: (digest) => (hangs ? new Promise(() => undefined) : source.find(digest)) }),
    });
    const { line } = stage;
    const { grant, person, token } = await stage.token();
    const other = await stage.token();
    const [ended, open] = [await stage.open("SSE", token), await stage.open("SSE", other.token)];
    hangs = true;
    const start = performance.now();
    expect(await stage.change(() => stage.desk.people.update({ ...person, name: "Grace" }))).toBe(1);
    expect(performance.now() - start).toBeGreaterThanOrEqual(249);
    expect(performance.now() - start).toBeLessThan(600);
    await ended.end();
    const audited = await lastLine(stage, ended.requestId ?? "", "stream_close");
    expect(audited).toMatchObject({ reason: "store_unavailable", decision: "allow" });
    expect(open.requestId).not.toBeNull();
    expect([line.open.openOf(`grant:${grant.id}`), line.open.openOf(`grant:${other.grant.id}`)]).toEqual([0, 1]);
  });

  test("streams end with the lease, after which nobody waits for this instance", async () => {
    const redis = await startRedis();
    const stage = await startStage({ storeUrl: redis.url, leaseMs: 1000 });
    const { key } = await keyOf(stage);
    const ended = await stage.open("SSE", key);
    redis.pause();
    onTestFinished(() => redis.resume());
    const start = performance.now();
    await ended.end();
    expect(performance.now() - start).toBeLessThan(1050);
    const audited = await lastLine(stage, ended.requestId ?? "", "stream_close");
    expect(audited).toMatchObject({ reason: "store_unavailable", decision: "allow" });
  });
});

describe("what is open", () => {
  test("is counted by key, client, person and grant", async () => {
    const stage = stageOf("SQLite");
    const { client, grant, person, token } = await stage.token();
    await stage.open("SSE", token);
    await stage.open("wait", token);
    const { open } = stage.line;
    const tags = [`client:${client.id}`, `person:${person.id}`, `grant:${grant.id}`] as const;
    expect(tags.map((tag) => open.openOf(tag))).toEqual([2, 2, 2]);
    expect(open.openOf(`credential:${credentialIdOf(stage.line.digester.stored(token))}`)).toBe(2);
  });

  test("is nothing after 1,000 streams, and no upstream connection is used again after a cut", async () => {
    const stage = await startStage();
    const { keys, line, service } = stage;
    for (let round = 0; round < 20; round += 1) {
      const { id, key } = await keyOf(stage);
      const opened = await Promise.all(
        Array.from({ length: 50 }, () => stage.open(round % 2 ? "SSE" : "WebSocket", key)),
      );
      expect(await stage.change(() => keys.revoke(id))).toBe(50);
      await Promise.all(opened.map((each) => each.end()));
    }
    await until(() => line.open.sizes().open === 0);
    await until(() => service.open() === 0);
    const { key } = await keyOf(stage);
    const wire = await connectTo(line);
    await wire.write(head("GET /quick", [`Authorization: Bearer ${key}`]));
    expect((await wire.nextResponse()).body.toString()).toBe("quick");
    await expect.poll(() => line.metrics()).toContain("portcullis_open_streams 0");
  }, 60_000);
});
