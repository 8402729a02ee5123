import { beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { type GrantId, isClientId, isGrantId, isPersonId, isScope } from "../../src/core/ids.ts";
import { createClients } from "../../src/store/clients.ts";
import { createGrants } from "../../src/store/grants.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/types.ts";
import { install, type Installation, type Ran } from "./terminal.ts";

let at: Installation;

beforeEach(() => {
  at = install();
});

const clients = (...args: string[]): Promise<Ran> => at.run(["clients", ...args]);
const grants = (...args: string[]): Promise<Ran> => at.run(["grants", ...args]);
const mcp = (...args: string[]): Promise<Ran> => at.run(["mcp", ...args]);

function json(ran: Ran): Record<string, unknown> {
  expect([ran.code, ran.code === 0 ? "" : ran.error]).toEqual([0, ""]);
  return { ...Object(JSON.parse(ran.out)) };
}

function jsonList(ran: Ran): Record<string, unknown>[] {
  expect([ran.code, ran.code === 0 ? "" : ran.error]).toEqual([0, ""]);
  const list: unknown = JSON.parse(ran.out);
  return Array.isArray(list) ? list.map((item: unknown) => ({ ...Object(item) })) : [];
}

/** Works on the store of the installation, as the server would. */
async function inStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const store = openStore(`sqlite:${at.folder}/data/portcullis.db`, { clock: systemClock });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** A client that registered itself and waits. */
async function register(id: string, name = "Registered"): Promise<void> {
  await clients("list");
  await inStore(async ({ documents }) => {
    if (!isClientId(id)) throw new Error("no client id");
    const made = await createClients(documents).create({
      id,
      name,
      origin: "registration",
      status: "waiting",
      metadata: { grant_types: ["authorization_code"], redirect_uris: ["http://127.0.0.1/cb"] },
      secretDigest: null,
      scopes: ["tickets:read", "tickets:write"].filter(isScope),
      portal: null,
      createdAt: Date.now(),
      createdBy: "address 192.0.2.1",
      decidedAt: null,
      decidedBy: null,
      expiresAt: Date.now() + 60_000,
      tokensAfter: null,
    });
    expect(made).toBeTruthy();
  });
}

async function grantTo(client: string, letter: string): Promise<GrantId> {
  return inStore(async ({ documents }) => {
    const [id, person] = [`grant_${letter.repeat(22)}`, `usr_${"p".repeat(20)}`];
    if (!isGrantId(id) || !isPersonId(person) || !isClientId(client)) throw new Error("no ids");
    const made = await createGrants(documents).create({
      id,
      person,
      client,
      scopes: ["tickets:read"].filter(isScope),
      portal: null,
      resource: "https://desk.example.com",
      flow: "device_code",
      createdAt: Date.now(),
      expiresAt: Date.now() + 60_000,
      revokedAt: null,
    });
    expect(made).toBeTruthy();
    return id;
  });
}

const SECRET = /^noice_cs_live_[0-9A-Za-z]{43}$/;

describe("clients add", () => {
  test("makes an approved public client and prints its id alone on standard output", async () => {
    const ran = await clients("add", "--name", "Desk app", "--redirect-uri", "https://app.example.com/cb");
    expect(ran).toMatchObject({ code: 0, out: expect.stringMatching(/^client_[0-9A-Za-z]{20}\n$/) });
    const shown = json(await clients("show", ran.out.trim(), "--json"));
    expect(shown).toMatchObject({
      name: "Desk app",
      status: "approved",
      origin: "administrator",
      confidential: false,
      grant_types: ["authorization_code", "refresh_token"],
      redirect_uris: ["https://app.example.com/cb"],
      portal: null,
      created_by: expect.stringMatching(/^cli:./),
    });
    expect(shown["scopes"]).toContain("workflows:*");
  });

  test("shows the secret of a confidential client once, and keeps its digest alone", async () => {
    const made = json(await clients("add", "--name", "Service", "--confidential", "--scope", "tickets:read", "--json"));
    expect(made["client_secret"]).toMatch(SECRET);
    expect(made).toMatchObject({ confidential: true, grant_types: ["client_credentials"], scopes: ["tickets:read"] });
    const shown = await clients("show", String(made["id"]), "--json");
    expect(shown.out).not.toContain("noice_cs_live_");
    expect(at.auditText()).not.toContain("noice_cs_live_");
    expect(at.audit().at(-1)).toMatchObject({ event: "admin", action: "client.add", target: made["id"] });
  });

  test("takes grant types one by one and with commas", async () => {
    for (const types of [["device_code,refresh_token"], ["device_code", "--grant-type", "refresh_token"]]) {
      const made = json(await clients("add", "--name", "Device", "--grant-type", ...types, "--json"));
      expect(made).toMatchObject({
        grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
        redirect_uris: [],
      });
    }
  });

  test("names every problem, and makes nothing", async () => {
    const uris = ["--redirect-uri", "http://evil.example/cb", "--redirect-uri", "https://a.example/#x"];
    const others = ["--scope", "tickets:delete", "--grant-type", "client_credentials", "--grant-type", "implicit"];
    const ran = await clients("add", "--name", "x", ...uris, ...others);
    expect(ran).toMatchObject({ code: 1, out: "" });
    for (const part of ["http://evil.example/cb", "fragment", "tickets:delete", "confidential", "implicit"]) {
      expect(ran.error).toContain(part);
    }
    expect((await clients("list")).out).toContain("no clients yet");
  });

  test.each([
    ["no name", ["add"]],
    ["a stray argument", ["add", "x", "--name", "x"]],
    ["no action", []],
    ["an unknown action", ["aprove"]],
    ["no id", ["show"]],
    ["a secret in place of an id", ["show", `noice_cs_live_${"x".repeat(43)}`]],
    ["a policy that is none", ["policy", "closed"]],
  ])("is wrong usage with %s", async (_what, args) => {
    const ran = await clients(...args);
    expect(ran).toMatchObject({ code: 2, out: "" });
    expect(ran.error).toContain("portcullis clients");
    expect(ran.error).not.toContain("x".repeat(43));
  });
});

describe("clients list, approve, disable and enable", () => {
  test("lists those that wait first, and approves one with less than it asked for", async () => {
    const added = json(await clients("add", "--name", "Old", "--json"));
    await register("client_wwwwwwwwwwwwwwwwwwww");
    const listed = jsonList(await clients("list", "--json")).map(({ id, status }) => [id, status]);
    expect(listed).toEqual([
      ["client_wwwwwwwwwwwwwwwwwwww", "waiting"],
      [added["id"], "approved"],
    ]);
    const args = ["--scope", "tickets:read,users:read", "--portal", "acme", "--json"];
    expect(json(await clients("approve", "client_wwwwwwwwwwwwwwwwwwww", ...args))).toMatchObject({
      status: "approved",
      scopes: ["tickets:read"],
      portal: "acme",
      expires_at: null,
      decided_by: expect.stringMatching(/^cli:./),
    });
    expect((await clients("approve", "client_wwwwwwwwwwwwwwwwwwww")).out).toContain("is approved already");
    expect(at.audit().filter(({ action }) => action === "client.approve")).toHaveLength(1);
  });

  test("disable ends the client's grants, and enable does not bring them back", async () => {
    const id = String(json(await clients("add", "--name", "App", "--json"))["id"]);
    const other = String(json(await clients("add", "--name", "Other", "--json"))["id"]);
    const mine = await grantTo(id, "a");
    await grantTo(other, "b");
    expect((await clients("disable", id)).out).toBe(`disabled (1 grant ended) ${id} (App)\n`);
    expect((await clients("disable", id)).out).toContain("is disabled already");
    expect((await clients("approve", id)).error).toContain("clients enable");
    expect((await clients("enable", id)).out).toContain("enabled");
    const states = jsonList(await grants("list", "--json")).map((grant) => [grant["client"], grant["state"]]);
    expect(Object.fromEntries(states)).toEqual({ [id]: "revoked", [other]: "active" });
    expect(jsonList(await grants("list", "--client", id, "--json")).map((grant) => grant["id"])).toEqual([mine]);
  });

  test("a waiting client is approved, not enabled", async () => {
    await register("client_wwwwwwwwwwwwwwwwwwww");
    expect((await clients("enable", "client_wwwwwwwwwwwwwwwwwwww")).error).toContain("clients approve");
  });

  test("fail on an unknown client", async () => {
    for (const action of ["show", "approve", "disable", "enable", "rotate-secret"]) {
      expect(await clients(action, "client_00000000000000000000")).toMatchObject({ code: 1, out: "" });
    }
  });

  test("a name that was made up to draw on the terminal is shown harmlessly", async () => {
    await register("client_wwwwwwwwwwwwwwwwwwww", "Evil\u001b[2K\u202ename");
    for (const ran of [await clients("list"), await clients("show", "client_wwwwwwwwwwwwwwwwwwww")]) {
      expect(ran.out).toContain("Evil\uFFFD[2K\uFFFDname");
      expect(ran.out).not.toContain("\u001b");
    }
  });
});

describe("clients rotate-secret and policy", () => {
  test("gives a new secret and audits it without", async () => {
    const made = json(await clients("add", "--name", "Service", "--confidential", "--json"));
    const ran = await clients("rotate-secret", String(made["id"]));
    expect(ran.out.trim()).toMatch(SECRET);
    expect(ran.out.trim()).not.toBe(made["client_secret"]);
    expect(at.auditText()).not.toContain(ran.out.trim());
  });

  test("has none for a public client", async () => {
    const made = json(await clients("add", "--name", "App", "--json"));
    expect(await clients("rotate-secret", String(made["id"]))).toMatchObject({ code: 1, out: "" });
  });

  test("tells and sets the policy", async () => {
    expect((await clients("policy")).out).toBe("approved\n");
    expect((await clients("policy", "off")).out).toBe("off\n");
    expect(json(await clients("policy", "--json"))).toEqual({ client_policy: "off" });
    expect(at.audit().filter(({ action }) => action === "client.policy")).toMatchObject([
      { target: null, before: { client_policy: "approved" }, after: { client_policy: "off" } },
    ]);
  });
});

describe("grants revoke", () => {
  test("is final and repeatable", async () => {
    const id = String(json(await clients("add", "--name", "App", "--json"))["id"]);
    const grant = await grantTo(id, "a");
    expect((await grants("revoke", grant)).out).toContain(`revoked ${grant}`);
    expect((await grants("revoke", grant)).out).toContain("was revoked already");
    expect(at.audit().filter(({ action }) => action === "grant.revoke")).toHaveLength(1);
    expect(await grants("revoke", `grant_${"z".repeat(22)}`)).toMatchObject({ code: 1 });
    expect(await grants("revoke", "key_1")).toMatchObject({ code: 2 });
    expect(await grants("list", "--person", "nobody@example.com")).toMatchObject({ code: 1 });
  });
});

describe("mcp", () => {
  test("is switched off with the time it was, and on again", async () => {
    expect((await mcp("status")).out).toBe("MCP access is on\n");
    const before = Date.now();
    const off = json(await mcp("off", "--json"));
    expect(off["mcp_access"]).toBe(false);
    expect(Date.parse(String(off["off_at"]))).toBeGreaterThanOrEqual(before);
    expect(json(await mcp("off", "--json"))["off_at"]).toBe(off["off_at"]);
    expect((await mcp("status")).out).toContain(String(off["off_at"]));
    expect(json(await mcp("on", "--json"))).toMatchObject({ mcp_access: true, off_at: off["off_at"] });
    expect(at.audit().map(({ action }) => action)).toEqual(["mcp.off", "mcp.on"]);
    expect((await mcp("maybe")).code).toBe(2);
    expect((await mcp()).code).toBe(2);
  });
});
