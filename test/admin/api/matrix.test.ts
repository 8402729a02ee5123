import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { onBothStores } from "../../store/both-stores.ts";
import { type ApiDocument, type ApiOperation, readDocument, validOf } from "./document.ts";
import { type Answer, type ApiStage, type Ask, startApi } from "./stage.ts";

/** Somebody who may not: what they send with an operation, and how they are refused. */
interface Intruder {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly refused: readonly [status: number, code: string];
  /** Only where something may change: a safe method needs less. */
  readonly unsafeOnly?: boolean;
}

async function makeToken(stage: ApiStage, name: string, headers: Record<string, string>): Promise<string> {
  const answer = await stage.ask("/tokens", { method: "POST", headers, body: { name } });
  return z.looseObject({ token: z.string() }).parse(answer.json).token;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function intruders(stage: ApiStage, endSession: () => Promise<void>): Promise<readonly Intruder[]> {
  const admin = await stage.signedIn("admin", "root@example.com");
  const member = await stage.signedIn("member", "member@example.com");
  const ended = await stage.signedIn("admin", "ended@example.com");
  const person = await stage.administration.people.get("ended@example.com");
  const actor = { subject: "cli:test", kind: "cli", address: null, requestId: null } as const;
  if (person !== null) await stage.administration.people.endSessions(actor, person.id);
  const short = await stage.administration.tokens.create(actor, { name: "short", expiresInMs: 1 });
  const revoked = await stage.administration.tokens.create(actor, { name: "revoked", expiresInMs: null });
  await stage.administration.tokens.revoke(actor, revoked.record.id);
  await endSession();
  const key = await stage.administration.keys.create(actor, {
    name: "k",
    scopes: ["tickets:read"],
    portal: null,
    expiresInMs: null,
  });
  const [name = "", value = ""] = admin.cookie.split("=");
  const forged = `${name}=${value.startsWith("A") ? "B" : "A"}${value.slice(1)}`;
  const csrf = { "x-csrf-token": admin.csrf };
  return [
    { name: "nobody", headers: {}, refused: [401, "credential_missing"] },
    { name: "a member", headers: { cookie: member.cookie, "x-csrf-token": member.csrf }, refused: [403, "forbidden"] },
    { name: "an ended session", headers: { cookie: ended.cookie, ...csrf }, refused: [401, "credential_missing"] },
    { name: "a forged cookie", headers: { cookie: forged, ...csrf }, refused: [401, "credential_missing"] },
    {
      name: "another site",
      headers: { cookie: admin.cookie, ...csrf, "sec-fetch-site": "cross-site" },
      refused: [403, "origin_forbidden"],
    },
    {
      name: "another origin",
      headers: { cookie: admin.cookie, ...csrf, origin: "https://evil.example" },
      refused: [403, "origin_forbidden"],
    },
    { name: "no CSRF token", headers: { cookie: admin.cookie }, refused: [403, "csrf_invalid"], unsafeOnly: true },
    {
      name: "a CSRF token of another session",
      headers: { cookie: admin.cookie, "x-csrf-token": member.csrf },
      refused: [403, "csrf_invalid"],
      unsafeOnly: true,
    },
    {
      name: "a token that never was",
      headers: bearer(`noice_admin_${"a".repeat(43)}`),
      refused: [401, "credential_invalid"],
    },
    { name: "a malformed token", headers: bearer("noice_admin_x"), refused: [401, "credential_invalid"] },
    { name: "an expired token", headers: bearer(short.token), refused: [401, "credential_invalid"] },
    { name: "a revoked token", headers: bearer(revoked.token), refused: [401, "credential_invalid"] },
    { name: "an API key", headers: bearer(key.key), refused: [401, "credential_invalid"] },
    { name: "Basic", headers: { authorization: "Basic cm9vdDpyb290" }, refused: [401, "credential_invalid"] },
    {
      name: "a session and a token at once",
      headers: { cookie: admin.cookie, ...csrf, ...bearer(stage.token) },
      refused: [400, "ambiguous_credential"],
    },
    {
      name: "a key beside a token",
      headers: { ...bearer(stage.token), "x-api-key": key.key },
      refused: [400, "ambiguous_credential"],
    },
  ];
}

/** A request that would be granted to an administrator, or at least understood. */
function requestOf(document: ApiDocument, each: ApiOperation, seed: number): { path: string; ask: Ask } {
  const one = <T>(arbitrary: fc.Arbitrary<T>): T => {
    const [value] = fc.sample(arbitrary, { numRuns: 1, seed });
    if (value === undefined) throw new Error("nothing was sampled");
    return value;
  };
  const path = each.path.replaceAll(/\{(\w+)\}/g, (_match, name: string) => {
    const parameter = each.parameters.find((candidate) => candidate.name === name);
    return encodeURIComponent(String(one(validOf(document, parameter?.schema ?? {}))));
  });
  const schema = each.requestBody?.content["application/json"]?.schema;
  const body = schema === undefined ? {} : { body: one(validOf(document, schema)) };
  return { path, ask: { method: each.method, ...body } };
}

async function contentsOf(stage: ApiStage): Promise<string> {
  const paths = ["/keys", "/clients", "/people", "/grants", "/tokens", "/mcp-access"];
  const answers: Answer[] = [];
  for (const path of paths) answers.push(await stage.call("GET", path));
  return answers.map(({ text }) => text.replaceAll(/"last_used_at":[^,}]+/g, "")).join("\n");
}

onBothStores("the administration API", (stores) => {
  test(
    "refuses every operation to everybody but an administrator, and nothing happens",
    { timeout: 60_000 },
    async () => {
      const { clock, store } = stores();
      const stage = await startApi({ clock, store });
      const document = readDocument((await stage.call("GET", "/openapi.json")).json);
      expect(document.operations.length).toBeGreaterThan(35);
      const all = await intruders(stage, async () => clock.advance(10));
      stage.events.length = 0;
      const before = await contentsOf(stage);
      for (const [index, intruder] of all.entries()) {
        stage.address = `192.0.2.${index + 10}`;
        for (const [seed, each] of document.operations.entries()) {
          // A flood of bad tokens is throttled; each of them here comes for the first time.
          if (seed % 15 === 0) stage.address = `198.51.${index}.${seed}`;
          const { ask, path } = requestOf(document, each, seed);
          const answer = await stage.ask(path, { ...ask, headers: intruder.headers });
          const who = `${intruder.name}: ${each.method} ${each.path}`;
          // What changes nothing needs no CSRF token: it is asked for all the same, and must change nothing.
          if (intruder.unsafeOnly === true && each.method === "GET") {
            stage.events.length = 0;
            continue;
          }
          const [status, code] = intruder.refused;
          expect({ who, status: answer.status, code: codeOf(answer) }).toEqual({ who, status, code });
          expect([who, document.complaint(each, answer)]).toEqual([who, null]);
          // What was refused is written down, with who it was where that is known, and nothing else is.
          const [event, ...more] = stage.events.splice(0);
          const told = {
            action: event?.action,
            decision: event?.decision,
            reason: event?.reason,
            status: event?.status,
          };
          expect({ who, more, ...told }).toEqual({
            who,
            more: [],
            action: "api.refuse",
            decision: "deny",
            reason: code,
            status,
          });
          expect([who, JSON.stringify(event)]).toEqual([who, expect.not.stringMatching(/noice_(?:sk|admin)_/)]);
        }
      }
      expect(stage.faults).toEqual([]);
      stage.address = "192.0.2.1";
      expect(await contentsOf(stage)).toBe(before);
    },
  );

  test("ends a session at its end of life, and with a change of role", async () => {
    const { clock, store } = stores();
    const stage = await startApi({ clock, store });
    const { cookie } = await stage.signedIn("admin", "root@example.com");
    const other = await stage.signedIn("admin", "other@example.com");
    expect((await stage.ask("/keys", { headers: { cookie } })).status).toBe(200);
    const people = await stage.administration.people.list({ limit: 10, search: "other@" });
    await stage.call("PATCH", `/people/${people.items[0]?.id ?? ""}`, { role: "member" });
    expect(codeOf(await stage.ask("/keys", { headers: { cookie: other.cookie } }))).toBe("forbidden");
    clock.advance(13 * 3_600_000);
    expect(codeOf(await stage.ask("/keys", { headers: { cookie } }))).toBe("credential_missing");
  });

  test("takes a token for what its maker still is", async () => {
    const stage = await startApi(stores());
    await stage.signedIn("admin", "root@example.com");
    const { cookie, csrf } = await stage.signedIn("admin", "bob@example.com");
    const made = await makeToken(stage, "bobs", { cookie, "x-csrf-token": csrf });
    const held = { headers: bearer(made) };
    expect((await stage.ask("/keys", held)).status).toBe(200);
    const bob = (await stage.administration.people.list({ limit: 10, search: "bob@" })).items[0];
    expect((await stage.call("POST", `/people/${bob?.id ?? ""}/disable`)).status).toBe(200);
    expect((await stage.ask("/keys", held)).status).toBe(401);
  });

  test("slows down an address that sends bad tokens, and no other", async () => {
    const { clock, store } = stores();
    const stage = await startApi({ clock, store });
    const bad = { headers: { authorization: `Bearer noice_admin_${"b".repeat(43)}` } };
    for (let attempt = 0; attempt < 20; attempt += 1) expect((await stage.ask("/keys", bad)).status).toBe(401);
    const slowed = await stage.ask("/keys", bad);
    expect([slowed.status, codeOf(slowed)]).toEqual([429, "too_many_requests"]);
    expect(Number(slowed.headers.get("retry-after"))).toBeGreaterThan(0);
    // Good ones pass from there all the same, or whoever shares the address could lock scripts out.
    expect((await stage.call("GET", "/keys")).status).toBe(200);
    clock.advance(16 * 60_000);
    expect((await stage.call("GET", "/keys")).status).toBe(200);
  });
});

describe("what is not there", () => {
  onBothStores("a path that is no operation", (stores) => {
    test("is refused to nobody before they say who they are, and is a 404 for an administrator", async () => {
      const stage = await startApi(stores());
      expect(codeOf(await stage.ask("/no/such"))).toBe("credential_missing");
      const answer = await stage.call("GET", "/no/such");
      expect([answer.status, codeOf(answer)]).toEqual([404, "no_route"]);
    });
  });
});

function codeOf({ json }: Answer): unknown {
  return typeof json === "object" && json !== null && "code" in json ? json.code : null;
}
