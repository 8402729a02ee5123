import { expect, test } from "vitest";
import { z } from "zod";
import { onBothStores } from "../../store/both-stores.ts";
import { HOSTILE } from "./document.ts";
import { type Answer, startApi } from "./stage.ts";

const record = z.looseObject({ id: z.string().default(""), name: z.string().default("") });
const listed = z.object({ items: z.array(record), next: z.string().nullable() });
const codeOf = ({ json }: Answer): unknown => z.looseObject({ code: z.unknown() }).parse(json).code;
const idOf = ({ json }: Answer): string => record.parse(json).id;
const NEW_KEY = { name: "CI", scopes: ["tickets:read"], portal: "acme", expires_in: 3600 };

onBothStores("the API, with keys", (stores) => {
  test("makes a key that is shown once, and tells the audit what was before and after, without it", async () => {
    const stage = await startApi(stores());
    const made = await stage.call("POST", "/keys", NEW_KEY);
    expect(made.status).toBe(201);
    const { key } = z.looseObject({ key: z.string() }).parse(made.json);
    expect(key).toMatch(/^noice_sk_live_/);
    const id = idOf(made);
    expect(made.json).toMatchObject({ name: "CI", state: "active", subject: "token:script", portal: "acme" });
    const read = await stage.call("GET", `/keys/${id}`);
    expect(read.text).not.toContain(key);
    await stage.call("POST", `/keys/${id}/revoke`);
    await stage.call("POST", `/keys/${id}/revoke`);
    expect(stage.events.map(({ action }) => action)).toEqual(["key.create", "key.revoke"]);
    expect(stage.events[0]).toMatchObject({
      event: "admin",
      subject: "token:script",
      clientIp: "192.0.2.1",
      target: id,
      before: null,
      after: { name: "CI", scopes: ["tickets:read"], portal: "acme", revoked_at: null },
    });
    expect(stage.events[1]).toMatchObject({ before: { revoked_at: null }, after: { revoked_at: expect.any(String) } });
    const told = JSON.stringify(stage.events);
    expect(told).not.toContain(key);
    expect(told).not.toMatch(/digest/i);
  });

  test("rotates a key, and not one that is revoked", async () => {
    const stage = await startApi(stores());
    const id = idOf(await stage.call("POST", "/keys", NEW_KEY));
    const rotated = await stage.call("POST", `/keys/${id}/rotate`, { overlap: 60 });
    expect([rotated.status, z.looseObject({ key: z.string() }).safeParse(rotated.json).success]).toEqual([201, true]);
    const again = await stage.call("POST", `/keys/${id}/rotate`, {});
    expect([again.status, codeOf(again)]).toEqual([409, "conflict"]);
    expect((await stage.call("POST", "/keys/key_00000000000000000000/rotate", {})).status).toBe(404);
  });

  test("names every field that is wrong", async () => {
    const stage = await startApi(stores());
    const refused = await stage.call("POST", "/keys", { name: "\u0007", scopes: ["nope:read"], portal: "a/b" });
    expect([refused.status, codeOf(refused)]).toEqual([422, "invalid_request"]);
    const { errors } = z.looseObject({ errors: z.array(z.object({ field: z.string() })) }).parse(refused.json);
    expect(errors.map(({ field }) => field).toSorted()).toEqual(["name", "portal", "scopes"]);
  });

  test("pages through keys without losing or repeating one, and finds them", async () => {
    const stage = await startApi(stores());
    for (let index = 0; index < 7; index += 1)
      await stage.call("POST", "/keys", { ...NEW_KEY, name: `Build ${index}` });
    await stage.call("POST", "/keys", { ...NEW_KEY, name: "other" });
    const names: string[] = [];
    let path = "/keys?limit=3&search=build";
    for (let page = 0; page < 4; page += 1) {
      const { items, next } = listed.parse((await stage.call("GET", path)).json);
      names.push(...items.map(({ name }) => name));
      if (next === null) break;
      path = `/keys?limit=3&search=build&cursor=${next}`;
    }
    expect(names.toSorted()).toEqual(Array.from({ length: 7 }, (_, index) => `Build ${index}`));
    const revoked = listed.parse((await stage.call("GET", "/keys?state=revoked")).json);
    expect(revoked.items).toEqual([]);
  });

  test("changes nothing that takes no right away while the audit cannot be written", async () => {
    const stage = await startApi(stores());
    const id = idOf(await stage.call("POST", "/keys", NEW_KEY));
    stage.auditFull = true;
    const refused = await stage.call("POST", "/keys", NEW_KEY);
    expect([refused.status, codeOf(refused)]).toEqual([503, "audit_unavailable"]);
    expect((await stage.call("POST", `/keys/${id}/revoke`)).status).toBe(200);
  });
});

onBothStores("a create with an idempotency key", (stores) => {
  const headers = { "idempotency-key": "first-try" };

  test("happens once: a repetition has the first answer without the secret", async () => {
    const { clock, store } = stores();
    const stage = await startApi({ clock, store });
    const first = await stage.call("POST", "/keys", NEW_KEY, headers);
    const again = await stage.call("POST", "/keys", NEW_KEY, headers);
    expect(again.status).toBe(201);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(again.json).toEqual({ ...record.parse(first.json), key: null });
    expect(listed.parse((await stage.call("GET", "/keys")).json).items).toHaveLength(1);
    clock.advance(25 * 3_600_000);
    expect(idOf(await stage.call("POST", "/keys", NEW_KEY, headers))).not.toBe(idOf(first));
  });

  test("is refused where the key was used for another request", async () => {
    const stage = await startApi(stores());
    await stage.call("POST", "/keys", NEW_KEY, headers);
    const other = await stage.call("POST", "/keys", { ...NEW_KEY, name: "Other" }, headers);
    expect([other.status, codeOf(other)]).toEqual([422, "idempotency_mismatch"]);
    const elsewhere = await stage.call("POST", "/clients", { name: "x" }, headers);
    expect([elsewhere.status, codeOf(elsewhere)]).toEqual([422, "idempotency_mismatch"]);
  });

  test("has one winner of many at once", async () => {
    const stage = await startApi(stores());
    const answers = await Promise.all(Array.from({ length: 8 }, () => stage.call("POST", "/keys", NEW_KEY, headers)));
    expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true);
    const secrets = answers.filter(({ json }) => z.looseObject({ key: z.string() }).safeParse(json).success);
    expect(secrets).toHaveLength(1);
    expect(listed.parse((await stage.call("GET", "/keys")).json).items).toHaveLength(1);
  });

  test("may be tried again after a refusal, and is nobody else's", async () => {
    const stage = await startApi(stores());
    expect((await stage.call("POST", "/keys", { ...NEW_KEY, scopes: ["nope:x"] }, headers)).status).toBe(422);
    const first = await stage.call("POST", "/keys", NEW_KEY, headers);
    expect(first.status).toBe(201);
    const admin = await stage.signedIn("admin", "root@example.com");
    const session = { cookie: admin.cookie, "x-csrf-token": admin.csrf, ...headers };
    const other = await stage.ask("/keys", { method: "POST", body: NEW_KEY, headers: session });
    expect(other.status).toBe(201);
    expect(idOf(other)).not.toBe(idOf(first));
    expect((await stage.ask("/keys", { method: "POST", body: NEW_KEY, headers })).status).toBe(401);
  });
});

onBothStores("two administrators who edit the same thing", (stores) => {
  test("cannot write over one another's change of a person", async () => {
    const stage = await startApi(stores());
    const made = await stage.call("POST", "/people", { email: "ida@example.com", name: "Ida" });
    const path = `/people/${idOf(made)}`;
    const etag = (await stage.call("GET", path)).headers.get("etag") ?? "";
    const edits = ["One", "Two", "Three"].map((name) => stage.call("PATCH", path, { name }, { "if-match": etag }));
    const statuses = (await Promise.all(edits)).map(({ status }) => status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 412, 412]);
    const late = await stage.call("PATCH", path, { name: "Late" }, { "if-match": etag });
    expect([late.status, codeOf(late)]).toEqual([412, "precondition_failed"]);
    const fresh = (await stage.call("GET", path)).headers.get("etag") ?? "";
    expect((await stage.call("PATCH", path, { scopes: [] }, { "if-match": fresh })).status).toBe(200);
    expect((await stage.call("PATCH", path, { name: "Free" })).status).toBe(200);
    expect((await stage.call("PATCH", path, { name: "Bad" }, { "if-match": "v1" })).status).toBe(400);
    expect(stage.events.filter(({ action }) => action === "person.edit")).toHaveLength(3);
  });

  test("cannot write over one another's settings", async () => {
    const stage = await startApi(stores());
    const etag = (await stage.call("GET", "/mcp-access")).headers.get("etag") ?? "";
    const off = await stage.call("PATCH", "/mcp-access", { enabled: false }, { "if-match": etag });
    expect([off.status, off.json]).toEqual([200, expect.objectContaining({ enabled: false })]);
    expect((await stage.call("PATCH", "/mcp-access", { client_policy: "open" }, { "if-match": etag })).status).toBe(
      412,
    );
    const now = off.headers.get("etag") ?? "";
    const both = { enabled: true, client_policy: "off" };
    expect((await stage.call("PATCH", "/mcp-access", both, { "if-match": now })).json).toMatchObject(both);
    expect(stage.events.map(({ action }) => action)).toEqual(["mcp.off", "mcp.on", "client.policy"]);
    expect(stage.events[0]).toMatchObject({
      before: { mcp_access: true },
      after: { mcp_access: false },
      // The token that acted, by more than its name.
      credential: expect.stringMatching(/^adm_/),
      subject: "token:script",
    });
  });

  test("cannot disable what the other has just changed, and never the last administrator", async () => {
    const stage = await startApi(stores());
    const client = await stage.call("POST", "/clients", { name: "Bot", confidential: true });
    expect(z.looseObject({ secret: z.string() }).safeParse(client.json).success).toBe(true);
    const path = `/clients/${idOf(client)}`;
    const stale = client.headers.get("etag") ?? "";
    await stage.call("POST", `${path}/rotate-secret`);
    expect((await stage.call("POST", `${path}/disable`, undefined, { "if-match": stale })).status).toBe(412);
    expect((await stage.call("POST", `${path}/disable`)).json).toMatchObject({ status: "disabled" });
    expect((await stage.call("POST", `${path}/approve`, {})).status).toBe(409);
    await stage.signedIn("admin", "root@example.com");
    const root = listed.parse((await stage.call("GET", "/people?search=root@")).json).items[0]?.id ?? "";
    const last = await stage.call("POST", `/people/${root}/disable`);
    expect([last.status, codeOf(last)]).toEqual([409, "conflict"]);
  });
});

onBothStores("names that could do harm", (stores) => {
  test("come back as plain JSON, or are refused, and never reach a header", async () => {
    const stage = await startApi(stores());
    let stored = 0;
    for (const [index, name] of HOSTILE.entries()) {
      const key = await stage.call("POST", "/keys", { ...NEW_KEY, name });
      const client = await stage.call("POST", "/clients", { name });
      const person = await stage.call("POST", "/people", { email: `p${index}@example.com`, name });
      for (const answer of [key, client, person]) {
        expect([201, 422]).toContain(answer.status);
        expect(answer.headers.get("content-type")).toMatch(/^application\/(?:problem\+)?json/);
        expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
        expect(answer.headers.get("set-cookie")).toBeNull();
        if (answer.status !== 201) continue;
        stored += 1;
        expect(record.parse(answer.json).name).toBe(name);
      }
    }
    expect(stored).toBeGreaterThan(10);
    for (const path of ["/keys", "/clients", "/people"]) {
      const answer = await stage.call("GET", `${path}?limit=200`);
      expect([path, answer.status]).toEqual([path, 200]);
    }
  });
});

onBothStores("the rest of the API", (stores) => {
  test("explains a decision, lists and ends sessions, revokes tokens, tells the status", async () => {
    const stage = await startApi(stores());
    const question = { method: "GET", target: "/api/portals/acme/tickets/1" };
    const caller = { kind: "scopes", scopes: ["tickets:read"], portal: "globex" };
    const told = await stage.call("POST", "/explain", { ...question, caller });
    expect(told.json).toMatchObject({ verdict: { allow: false, code: "portal_forbidden" } });
    expect(codeOf(await stage.call("POST", "/explain", { ...question, caller: { ...caller, scopes: ["x:y"] } }))).toBe(
      "invalid_request",
    );
    const { cookie } = await stage.signedIn("admin", "root@example.com");
    const id = listed.parse((await stage.call("GET", "/people?search=ROOT")).json).items[0]?.id ?? "";
    const { items } = z
      .object({ items: z.array(record) })
      .parse((await stage.call("GET", `/people/${id}/sessions`)).json);
    expect(items).toHaveLength(1);
    expect((await stage.call("DELETE", `/people/${id}/sessions`)).json).toEqual({ ended: 1 });
    expect((await stage.ask("/keys", { headers: { cookie } })).status).toBe(401);
    const call = await stage.administrator();
    const token = await call("POST", "/tokens", { name: "other" });
    const secret = z.looseObject({ token: z.string() }).parse(token.json).token;
    const bearer = { authorization: `Bearer ${secret}` };
    expect((await stage.ask("/status", { headers: bearer })).json).toMatchObject({
      instance: "test-1",
      open_streams: 0,
    });
    expect((await stage.call("GET", `/tokens/${idOf(token)}`)).json).toMatchObject({ name: "other", revoked_at: null });
    expect((await call("POST", "/tokens", { name: "other" })).status).toBe(422);
    await stage.call("POST", `/tokens/${idOf(token)}/revoke`);
    expect((await stage.ask("/status", { headers: bearer })).status).toBe(401);
    expect((await call("POST", "/tokens", { name: "other" })).status).toBe(201);
    expect(JSON.stringify(stage.events)).not.toContain(secret);
  });
});
