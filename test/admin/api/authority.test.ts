import { expect, test } from "vitest";
import { z } from "zod";
import { onBothStores } from "../../store/both-stores.ts";
import { type Answer, type ApiStage, type Call, startApi } from "./stage.ts";

/** What hands on an administrator's power: a token, a browser left open or a script in a page must not. */

const PASSWORD = "another horse, another battery";
const codeOf = ({ json }: Answer): unknown => z.looseObject({ code: z.unknown() }).parse(json).code;

/** Calls that make an administrator of somebody, one way or another, with what they are called in the audit. */
async function handingOn(stage: ApiStage): Promise<readonly (readonly [string, Parameters<Call>])[]> {
  const { people } = stage.administration;
  const cli = { subject: "cli:test", kind: "cli", address: null, requestId: null } as const;
  const rights = { scopes: "all", portals: "all", password: null } as const;
  const member = await people.add(cli, { ...rights, email: "member@example.com", name: "Member", role: "member" });
  const former = await people.add(cli, { ...rights, email: "former@example.com", name: "Former", role: "admin" });
  await people.disable(cli, former.id);
  stage.events.length = 0;
  return [
    ["token.create", ["POST", "/tokens", { name: "more" }]],
    ["person.add", ["POST", "/people", { email: "new@example.com", name: "New", role: "admin" }]],
    ["person.edit", ["PATCH", `/people/${member.id}`, { role: "admin" }]],
    ["person.password", ["PUT", `/people/${member.id}/password`, { password: PASSWORD }]],
    ["person.enable", ["POST", `/people/${former.id}/enable`]],
  ];
}

onBothStores("what hands on an administrator's power", (stores) => {
  test("needs a sign-in of the last ten minutes, and is written down where there is none", async () => {
    const { clock, store } = stores();
    const stage = await startApi({ clock, store });
    const call = await stage.administrator();
    const calls = await handingOn(stage);
    clock.advance(10 * 60_000 + 1);
    for (const [action, ask] of calls) {
      const refused = await call(...ask);
      expect([action, refused.status, codeOf(refused)]).toEqual([action, 403, "signin_stale"]);
    }
    expect(stage.events).toMatchObject(
      calls.map(([action]) => ({ action, decision: "deny", reason: "signin_stale", subject: "boss@example.com" })),
    );
    // All else goes on.
    expect((await call("POST", "/keys", { name: "k", scopes: ["tickets:read"] })).status).toBe(201);
    expect((await call("POST", "/people", { email: "m2@example.com", name: "M", role: "member" })).status).toBe(201);
    clock.advance(-2);
    for (const [action, ask] of calls) expect([action, (await call(...ask)).status < 300]).toEqual([action, true]);
  });

  test("is for no admin token, which can take away and do the rest", async () => {
    const stage = await startApi(stores());
    await stage.signedIn("admin", "root@example.com");
    const calls = await handingOn(stage);
    for (const [action, ask] of calls) {
      const refused = await stage.call(...ask);
      expect([action, refused.status, codeOf(refused)]).toEqual([action, 403, "token_forbidden"]);
    }
    expect(stage.events).toMatchObject(
      calls
        .map(([action]) => ({ action, decision: "deny", reason: "token_forbidden", credential: /^adm_/ }))
        .map((event) => ({ ...event, credential: expect.stringMatching(event.credential) })),
    );
    const root = (await stage.administration.people.get("root@example.com"))?.id ?? "";
    // To say what is so already makes nobody an administrator.
    expect((await stage.call("PATCH", `/people/${root}`, { name: "Root", role: "admin" })).status).toBe(200);
    expect((await stage.call("POST", "/people", { email: "m2@example.com", name: "M" })).status).toBe(201);
  });

  test("is not got with a key of idempotency that was refused before", async () => {
    const { clock, store } = stores();
    const stage = await startApi({ clock, store });
    const call = await stage.administrator();
    clock.advance(10 * 60_000 + 1);
    const once = { "idempotency-key": "once" };
    expect((await call("POST", "/tokens", { name: "t" }, once)).status).toBe(403);
    expect((await call("POST", "/tokens", { name: "t" }, once)).status).toBe(403);
  });
});
