import { expect, test } from "vitest";
import { isClientId, isGrantId, isPersonId } from "../../src/core/ids.ts";
import { onBothStores } from "../store/both-stores.ts";
import { PASSWORD } from "../signin/stage.ts";
import { type Page, unescapeHtml } from "../support/browserless.ts";
import { type PageBrowser, type PagesStage, startPages } from "./pages-stage.ts";

const KEY = /noice_sk_live_[0-9A-Za-z]{36}/;
const KEY_FORM = { name: "Nightly export", scope: "tickets:read", portal: "acme", expiry: "30" };

const words = ({ text }: Page): string => unescapeHtml(text.replace(/<[^>]*>/g, " ")).replace(/\s+/g, " ");
const actions = ({ events }: PagesStage): readonly string[] => events.map(({ action }) => action);

async function makeKey(
  browser: PageBrowser,
  fields: object = {},
): Promise<{ readonly id: string; readonly key: string }> {
  const made = await browser.send(await browser.at("/keys/new"), { ...KEY_FORM, ...fields });
  const key = KEY.exec(made.text)?.[0] ?? "";
  const id = /\/keys\/(key_[0-9A-Za-z]+)/.exec(made.text)?.[1] ?? "";
  return { id, key };
}

const PAGES = [
  "",
  "/",
  "/access/switch",
  "/access/clients",
  "/keys",
  "/keys/new",
  "/keys/key_00000000000000000000",
  "/keys/key_00000000000000000000/revoke",
  "/keys/key_00000000000000000000/rotate",
  "/clients",
  "/clients/new",
  "/clients/client?id=client_0",
  "/clients/approve?id=client_0",
  "/clients/disable?id=client_0",
  "/clients/enable?id=client_0",
  "/clients/secret?id=client_0",
  "/apps",
  "/apps/grant_0000000000000000000000/revoke",
  "/activity",
  "/activity/1-1?at=1",
  "/explain",
  "/people",
  "/people/new",
  "/people/usr_00000000000000000000",
  "/people/usr_00000000000000000000/edit",
  "/people/usr_00000000000000000000/password",
  "/people/usr_00000000000000000000/disable",
  "/people/usr_00000000000000000000/enable",
  "/people/usr_00000000000000000000/sessions",
  "/tokens",
  "/tokens/new",
  "/tokens/adm_00000000000000000000/revoke",
];
const FORMS = PAGES.filter((path) =>
  /switch|access\/clients|new$|revoke$|rotate$|approve|disable|enable|secret|edit$|password$|sessions$/.test(path),
);

onBothStores("who may see the admin pages", (stores) => {
  test("nobody is sent to sign in, and back", async () => {
    const stage = await startPages(stores());
    for (const path of PAGES) {
      const page = await stage.nobody().at(path);
      expect([path, page.status]).toEqual([path, 303]);
      const location = new URL(page.location ?? "");
      expect(location.pathname).toBe("/signin");
      expect(location.searchParams.get("return_to")).toBe(`/admin${path}`);
    }
  });

  test("a member sees none of them, whatever is asked, and it is written down", async () => {
    const stage = await startPages(stores());
    const member = await stage.browser("member");
    for (const path of PAGES) expect([path, (await member.at(path)).status]).toEqual([path, 403]);
    for (const path of FORMS) {
      expect([path, (await member.post(member.prefix + path, {})).status]).toEqual([path, 403]);
    }
    expect(stage.events).toHaveLength(PAGES.length + FORMS.length);
    expect(stage.events[0]).toMatchObject({
      action: "page.refuse",
      reason: "forbidden",
      subject: "member@example.com",
    });
  });

  test("a form without the token of the session changes nothing", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const other = await stage.browser("admin", "other@example.com");
    const [form] = (await other.at("/keys/new")).forms.filter(({ action }) => action === "/admin/keys/new");
    const stolen = form?.fields.find(([name]) => name === "csrf")?.[1] ?? "";
    stage.events.length = 0;
    for (const path of FORMS) {
      for (const csrf of ["", stolen]) {
        const page = await admin.post(admin.prefix + path, { ...KEY_FORM, csrf });
        expect([path, page.status]).toEqual([path, page.status === 404 ? 404 : 403]);
      }
      const crossSite = await admin.post(admin.prefix + path, KEY_FORM, { origin: "https://elsewhere.example" });
      expect([path, crossSite.status]).toEqual([path, 403]);
    }
    expect(new Set(actions(stage))).toEqual(new Set(["page.refuse"]));
    expect((await stage.administration.keys.list({ limit: 10 })).items).toEqual([]);
    expect((await stage.administration.access.read()).version).toBe(0);
  });

  test("a form whose session has ended leads to sign in, back to the form, and changes nothing", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const form = await admin.at("/keys/new");
    const me = await stage.administration.people.get("admin@example.com");
    if (me !== null) await stage.signin.sessions.endAll(me.id);
    const answer = await admin.submit(form, KEY_FORM, { action: "/keys/new" });
    expect(answer.status).toBe(303);
    expect(new URL(answer.location ?? "").searchParams.get("return_to")).toBe("/admin/keys/new");
    expect((await stage.administration.keys.list({ limit: 10 })).items).toEqual([]);
  });

  test("without the store every page says that the records cannot be read", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    await stage.store.close();
    for (const path of ["", "/keys", "/activity", "/explain"]) {
      const page = await admin.at(path);
      expect([path, page.status, words(page)]).toEqual([path, 503, expect.stringContaining("Not available now")]);
    }
  });

  test("a page of an administrator who is no longer one is refused at once", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    await stage.browser("admin", "other@example.com");
    const me = await stage.administration.people.get("admin@example.com");
    const actor = { subject: "cli:test", kind: "cli", address: null, requestId: null } as const;
    if (me !== null) await stage.administration.people.edit(actor, me.id, { role: "member" });
    expect((await admin.at("/keys")).status).toBe(403);
  });
});

onBothStores("API keys on the pages", (stores) => {
  test("a key is shown once, with a command and a configuration to try it, and is nowhere else", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    expect(words(await admin.at("/keys"))).toContain("No API keys yet");
    const made = await admin.send(await admin.at("/keys/new"), KEY_FORM);
    const key = KEY.exec(made.text)?.[0] ?? "";
    expect(made.status).toBe(200);
    expect(made.headers.get("cache-control")).toBe("no-store");
    expect(unescapeHtml(made.text)).toContain(
      `curl -H "Authorization: Bearer ${key}" "https://desk.example.com/api/portals/acme/tickets"`,
    );
    expect(unescapeHtml(made.text)).toContain(`"url": "https://desk.example.com/mcp"`);
    const { items } = await stage.administration.keys.list({ limit: 10 });
    expect(items).toMatchObject([
      { name: "Nightly export", portal: "acme", scopes: ["tickets:read"], subject: "admin@example.com" },
    ]);
    expect(stage.events).toMatchObject([{ action: "key.create", subject: "admin@example.com" }]);
    expect(JSON.stringify(stage.events)).not.toContain(key);
    for (const path of ["/keys", `/keys/${items[0]?.id ?? ""}`]) {
      const page = await admin.at(path);
      expect(page.text).not.toContain(key);
      expect(words(page)).toContain(`noice_sk_live_…${key.slice(-4)}`);
    }
  });

  test("a form that is sent twice makes one key", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const form = await admin.at("/keys/new");
    const both = await Promise.all([admin.send(form, KEY_FORM), admin.send(form, KEY_FORM)]);
    expect(both.map(({ status }) => String(status)).toSorted()).toEqual(["200", "409"]);
    expect((await stage.administration.keys.list({ limit: 10 })).items).toHaveLength(1);
  });

  test("nothing is lost on a form that fails, and it may be mended and sent", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const failed = await admin.send(await admin.at("/keys/new"), {
      name: " ",
      scope: ["tickets:read", "nope:read"],
      portal: "globex",
      expiry: "custom",
      expires_on: "2020-01-01",
    });
    expect(failed.status).toBe(422);
    expect(words(failed)).toContain("Give the key a name.");
    expect(words(failed)).toContain("This day is over.");
    const [form] = failed.forms.filter(({ action }) => action === "/admin/keys/new");
    expect(form?.fields).toEqual(
      expect.arrayContaining([
        ["scope", "tickets:read"],
        ["portal", "globex"],
        ["expiry", "custom"],
        ["expires_on", "2020-01-01"],
      ]),
    );
    const made = await admin.send(failed, { name: "Mended", scope: "tickets:read", expiry: "never" });
    expect(made.text).toMatch(KEY);
    const { items } = await stage.administration.keys.list({ limit: 10 });
    expect(items).toMatchObject([{ name: "Mended", portal: "globex", expiresAt: null }]);
  });

  test("a form with a stale token is shown again with all that was chosen", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const page = await admin.send(await admin.at("/keys/new"), { ...KEY_FORM, csrf: "c".repeat(64) });
    expect(page.status).toBe(403);
    expect(words(page)).toContain("This page was open too long");
    expect((await admin.send(page)).text).toMatch(KEY);
    expect((await stage.administration.keys.list({ limit: 10 })).items).toMatchObject([
      { name: "Nightly export", portal: "acme" },
    ]);
  });

  test.each(["2026-02-30", "31.12.2030", "", "2030-13-01"])("%j is no day to expire on", async (day) => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const page = await admin.send(await admin.at("/keys/new"), { ...KEY_FORM, expiry: "custom", expires_on: day });
    expect([page.status, words(page).includes("Choose a day.")]).toEqual([422, true]);
  });

  test("revoke asks first and says that it cannot be undone", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const { id } = await makeKey(admin);
    const asked = await admin.at(`/keys/${id}/revoke`);
    expect(words(asked)).toContain("This cannot be undone.");
    expect(words(asked)).toContain("Open streams that it closes 2, on this instance");
    expect((await stage.administration.keys.list({ limit: 10 })).items[0]?.revokedAt).toBeNull();
    const done = await admin.send(asked);
    expect([done.url.endsWith("/keys?done=key_revoked"), words(done).includes("The API key is revoked.")]).toEqual([
      true,
      true,
    ]);
    expect((await stage.administration.keys.list({ limit: 10 })).items[0]?.revokedAt).not.toBeNull();
  });

  test("rotate shows the new key once and tells how long the old one goes on", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const { id, key } = await makeKey(admin);
    const refused = await admin.send(await admin.at(`/keys/${id}/rotate`), { overlap: "9y" });
    expect(refused.status).toBe(422);
    const rotated = await admin.send(refused, { overlap: "1d" });
    expect(words(rotated)).toContain("The old key stops working in 1 day");
    expect(KEY.exec(rotated.text)?.[0]).not.toBe(key);
    const again = await admin.post(`${admin.prefix}/keys/${id}/rotate`, [
      ["csrf", (await admin.at("/keys/new")).forms.at(-1)?.fields.find(([name]) => name === "csrf")?.[1] ?? ""],
      ["overlap", "0"],
    ]);
    expect([again.status, words(again).includes("cannot be rotated")]).toEqual([409, true]);
  });

  test("search and state narrow the list, and pages lead on without losing them", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const actor = { subject: "cli:test", kind: "cli", address: null, requestId: null } as const;
    for (let index = 0; index < 27; index += 1) {
      const name = `${index < 26 ? "Nightly" : "Other"} ${index}`;
      await stage.administration.keys.create(actor, {
        name,
        scopes: ["tickets:read"],
        portal: null,
        expiresInMs: null,
      });
    }
    const first = await admin.at("/keys?search=nightly&state=active");
    expect(first.text.match(/<tr role="row">/g)).toHaveLength(26);
    expect(words(first)).not.toContain("Other 26");
    const next = unescapeHtml(/href="([^"]*)" rel="next"/.exec(first.text)?.[1] ?? "");
    expect(next).toMatch(/^\/admin\/keys\?search=nightly&state=active&after=/);
    const second = await admin.get(new URL(next, first.url).href);
    expect(second.text.match(/<tr role="row">/g)).toHaveLength(2);
    expect(words(await admin.at("/keys?search=zzz"))).toContain("No key fits");
    expect((await admin.at("/keys?after=nonsense")).status).toBe(200);
    expect(Buffer.byteLength(first.text)).toBeLessThan(50 * 1024);
  });

  test("nothing is changed while the audit cannot be written", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const form = await admin.at("/keys/new");
    stage.auditFull = true;
    const page = await admin.send(form, KEY_FORM);
    expect([page.status, words(page).includes("The audit cannot be written now")]).toEqual([503, true]);
    stage.auditFull = false;
    expect((await admin.send(form, KEY_FORM)).text).toMatch(KEY);
  });
});

onBothStores("MCP access on the pages", (stores) => {
  test("the switch asks first, says what ends, and can be put back", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    expect(words(await admin.at(""))).toContain("MCP access On");
    const asked = await admin.at("/access/switch");
    expect(words(asked)).toContain("0 connected apps end");
    const off = await admin.send(asked);
    expect(words(off)).toContain("MCP access is off.");
    expect((await stage.administration.access.read()).mcpAccess).toBe(false);
    const on = await admin.send(off, {}, "/access/switch");
    expect(words(on)).toContain("MCP access is on.");
    expect((await stage.administration.access.read()).mcpAccess).toBe(true);
    expect(actions(stage)).toEqual(["mcp.off", "mcp.on"]);
  });

  test("of two administrators who change the settings at once, the second is told", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const other = await stage.browser("admin", "other@example.com");
    const [mine, theirs] = [await admin.at(""), await other.at("")];
    const saved = await admin.send(mine, { policy: "open" }, "/access/clients");
    expect(words(saved)).toContain("The MCP client settings are saved.");
    const late = await other.send(theirs, { policy: "off" }, "/access/clients");
    expect([late.status, words(late).includes("Somebody changed this meanwhile")]).toEqual([409, true]);
    expect((await stage.administration.access.read()).clientPolicy).toBe("open");
  });

  test("the notice at the top is one of ours only", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    expect(words(await admin.at("?done=mcp_on"))).toContain("MCP access is on.");
    for (const done of ["constructor", "<script>", "You+were+hacked", "__proto__"]) {
      const page = await admin.at(`?done=${done}`);
      expect([done, page.status, page.text.includes('class="notice success"')]).toEqual([done, 200, false]);
    }
  });
});

onBothStores("clients on the pages", (stores) => {
  test("a confidential client's secret is shown once; a public one has none", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const form = await admin.at("/clients/new");
    const more = await admin.send(form, {
      name: "Desk Assistant",
      more: "1",
      redirect_uri: ["https://a.example/cb", ""],
    });
    expect(more.text.match(/name="redirect_uri"/g)).toHaveLength(3);
    const failed = await admin.send(more, { redirect_uri: ["http://a.example/cb", "https://b.example/cb"], more: "" });
    expect([failed.status, failed.text.includes("https://b.example/cb")]).toEqual([422, true]);
    const second = await admin.send(failed, {
      redirect_uri: ["", "https://a.example/cb", "http://b.example/cb"],
      more: "",
    });
    expect(Array.from(second.text.matchAll(/id="([\w-]+)-problem"/g), ([, id]) => id)).toEqual(["redirect_uri-3"]);
    expect(second.text).toMatch(/<a href="#redirect_uri-3">Redirect URI 3: /);
    const made = await admin.send(failed, {
      redirect_uri: ["https://a.example/cb", "", "https://b.example/cb"],
      more: "",
    });
    expect(made.text).toMatch(/noice_cs_live_[0-9A-Za-z]{43}/);
    const open = await admin.send(await admin.at("/clients/new"), {
      name: "Tool",
      kind: "public",
      redirect_uri: ["", ""],
    });
    expect(words(open)).toContain("The client is added.");
    const { items } = await stage.administration.clients.list({ limit: 10 });
    expect(Object.fromEntries(items.map(({ name, metadata }) => [name, metadata["redirect_uris"]]))).toEqual({
      "Desk Assistant": ["https://a.example/cb", "https://b.example/cb"],
      Tool: [],
    });
  });

  test("a new secret takes the place of the old one", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const { record } = await stage.desk.addClient({ confidential: true });
    const asked = await admin.at(`/clients/secret?id=${record.id}`);
    expect(words(asked)).toContain("The old secret stops working at once.");
    expect((await admin.send(asked)).text).toMatch(/noice_cs_live_/);
    expect(actions(stage)).toEqual(["client.rotate_secret"]);
  });

  test("a waiting client is shown first and approved with less than it asked for", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const id = await waitingClient(stage, "MCP Inspector");
    const list = await admin.at("/clients");
    expect(words(list)).toContain("1 waiting");
    expect(words(list)).toContain("It chose its name itself.");
    const asked = await admin.at(`/clients/approve?id=${id}`);
    const none = await admin.send(asked, { scope: [] });
    expect([none.status, words(none).includes("Choose at least one scope.")]).toEqual([422, true]);
    const done = await admin.send(none, { scope: ["tickets:read"], portal: "globex" });
    expect(words(done)).toContain("The client is approved.");
    const { items } = await stage.administration.clients.list({ limit: 10 });
    expect(items).toMatchObject([{ status: "approved", scopes: ["tickets:read"], portal: "globex" }]);
  });

  test("of two administrators who decide on a client, the second is told how it is", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const other = await stage.browser("admin", "other@example.com");
    const id = await waitingClient(stage, "MCP Inspector");
    const [mine, theirs] = [await admin.at(`/clients/disable?id=${id}`), await other.at(`/clients/approve?id=${id}`)];
    expect(words(await admin.send(mine))).toContain("The client is disabled");
    const late = await other.send(theirs);
    expect([late.status, words(late).includes("Somebody changed this meanwhile")]).toEqual([409, true]);
    expect((await stage.administration.clients.list({ limit: 10 })).items[0]?.status).toBe("disabled");
    const enabled = await admin.send(await admin.at(`/clients/client?id=${id}`));
    expect(words(enabled)).toContain("The client is enabled.");
  });
});

async function waitingClient({ store, desk }: PagesStage, name: string): Promise<string> {
  const { record } = await desk.addClient({ name });
  const stored = await store.documents.get("client", record.id);
  if (stored === null) throw new Error("the client is gone");
  const { consumedAt: _used, version, ...document } = stored;
  const value = {
    ...document.value,
    status: "waiting",
    origin: "registration",
    createdBy: "address 203.0.113.77",
    decidedAt: null,
    decidedBy: null,
  };
  await store.documents.replace({ ...document, value, groups: ["status:waiting"] }, version);
  return record.id;
}

onBothStores("people on the pages", (stores) => {
  test("a new person gets a password that is shown once and lets them in", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const failed = await admin.send(await admin.at("/people/new"), {
      email: "ben@example",
      name: "Ben",
      portal_kind: "some",
    });
    expect([failed.status, words(failed).includes("Choose at least one portal")]).toEqual([422, true]);
    const made = await admin.send(failed, { email: "ben@example.com", portal: "acme", scope: "tickets:read" });
    const password = /<pre id="secret">([0-9A-Za-z]{26})<\/pre>/.exec(made.text)?.[1] ?? "";
    const ben = stage.nobody();
    const signin = new URL("/signin", admin.prefix).href;
    const entered = await ben.submit(await ben.get(signin), { email: "ben@example.com", password });
    expect(entered.status).toBe(303);
    expect(await stage.administration.people.get("ben@example.com")).toMatchObject({
      role: "member",
      portals: ["acme"],
    });
    const company = await admin.send(await admin.at("/people/new"), {
      email: "c@example.com",
      name: "C",
      signin: "company",
    });
    expect(words(company)).toContain("The person is added.");
  });

  test("changes keep what was typed where they fail, and the second of two is told", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const other = await stage.browser("admin", "other@example.com");
    const { record } = await stage.desk.addPerson({ email: "ben@example.com" });
    const [mine, theirs] = [await admin.at(`/people/${record.id}/edit`), await other.at(`/people/${record.id}/edit`)];
    const failed = await admin.send(mine, { name: "", role: "admin" });
    expect(failed.status).toBe(422);
    expect(failed.forms.at(-1)?.fields).toContainEqual(["role", "admin"]);
    expect(words(await admin.send(failed, { name: "Benjamin" }))).toContain("The changes are saved.");
    const late = await other.send(theirs, { name: "Benny" });
    expect([late.status, words(late).includes("Somebody changed this meanwhile")]).toEqual([409, true]);
    expect(await stage.administration.people.get(record.id)).toMatchObject({ name: "Benjamin", role: "admin" });
  });

  test("the last administrator stays one", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const me = await stage.administration.people.get("admin@example.com");
    const disabled = await admin.send(await admin.at(`/people/${me?.id ?? ""}/disable`));
    expect([disabled.status, words(disabled).includes("Nobody else is an administrator")]).toEqual([409, true]);
    const demoted = await admin.send(await admin.at(`/people/${me?.id ?? ""}/edit`), { role: "member" });
    expect([demoted.status, words(demoted).includes("Nobody else is an administrator")]).toEqual([409, true]);
    expect((await admin.at("/people")).status).toBe(200);
  });

  test("somebody is disabled, enabled, signed out, and gets a new password", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const member = await stage.browser("member");
    const { id = "" } = (await stage.administration.people.get("member@example.com")) ?? {};
    const person = await admin.at(`/people/${id}`);
    expect(words(person)).toContain("End all sessions");
    expect(words(await admin.send(person, {}, "/sessions"))).toContain("Not signed in anywhere.");
    expect((await member.at("")).status).toBe(303);
    expect(words(await admin.send(await admin.at(`/people/${id}/disable`)))).toContain("The person is disabled");
    expect(words(await admin.send(await admin.at(`/people/${id}`), {}, "/enable"))).toContain("The person is enabled.");
    const issued = await admin.send(await admin.at(`/people/${id}/password`));
    expect(issued.text).toMatch(/<pre id="secret">[0-9A-Za-z]{26}<\/pre>/);
    const signin = new URL("/signin", admin.prefix).href;
    const old = await member.submit(await member.get(signin), { email: "member@example.com", password: PASSWORD });
    expect(old.status).toBe(403);
  });
});

onBothStores("connected apps and API tokens on the pages", (stores) => {
  test("a grant is shown with its names and revoked after a question", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const { record: client } = await stage.desk.addClient({ name: "Desk Assistant" });
    const { record: person } = await stage.desk.addPerson({ email: "ben@example.com" });
    const id = `grant_${"g".repeat(22)}`;
    if (!isGrantId(id)) throw new Error("no id of a grant");
    const now = stores().clock.now();
    await stage.store.documents.insert({
      kind: "grant",
      id,
      value: {
        person: person.id,
        client: client.id,
        scopes: ["tickets:read"],
        portal: "acme",
        resource: "https://d.example",
        flow: "device_code",
        revokedAt: null,
      },
      createdAt: now,
      expiresAt: now + 86_400_000,
      lookups: [],
      groups: ["all", `person:${person.id}`, `client:${client.id}`],
    });
    expect(words(await admin.at(`/apps?person=${person.id}`))).toContain("Desk Assistant");
    expect(words(await admin.at("/access/switch"))).toContain("1 connected app ends");
    const [other] = (await stage.administration.people.list({ search: "admin@", limit: 1 })).items;
    const none = await admin.at(`/apps?person=${other?.id ?? ""}`);
    expect(words(none)).toContain("Only those of admin@example.com");
    const asked = await admin.at(`/apps/${id}/revoke`);
    expect(words(asked)).toContain("This cannot be undone.");
    expect(words(await admin.send(asked))).toContain("The access is revoked.");
    expect((await stage.administration.grants.get(id))?.state).toBe("revoked");
    expect([isPersonId(person.id), isClientId(client.id)]).toEqual([true, true]);
  });

  test("an API token is shown once and revoked", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const failed = await admin.send(await admin.at("/tokens/new"), { name: "", expiry: "30" });
    expect([failed.status, words(failed).includes("Give the token a name.")]).toEqual([422, true]);
    expect((await admin.send(failed, { name: "Terraform" })).text).toMatch(/noice_admin_[0-9A-Za-z]{43}/);
    const [token] = (await stage.administration.tokens.list({ limit: 10 })).items;
    const asked = await admin.at(`/tokens/${token?.id ?? ""}/revoke`);
    expect(words(await admin.send(asked))).toContain("The API token is revoked.");
    expect((await stage.administration.tokens.list({ limit: 10 })).items[0]?.revokedAt).not.toBeNull();
  });
});

onBothStores("activity on the pages", (stores) => {
  test("an entry is told in words, found by filters, and explained in steps", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const { id } = await makeKey(admin, { portal: "acme" });
    const at = stores().clock.now();
    const nothing = {
      detail: null,
      action: null,
      target: null,
      credentialKind: null,
      client: null,
      status: 403,
      host: null,
      portal: null,
      portalAllowed: null,
      scopesHeld: null,
      mcp: null,
      requestId: null,
      clientIp: null,
      before: null,
      after: null,
      instance: "test-1",
      count: 1,
    };
    const ben = { ...nothing, credential: null, subject: "ben@example.com", route: null, method: null, path: null };
    const request = {
      ...nothing,
      method: "GET",
      path: "/api/portals/globex/tickets/1",
      credential: id,
      subject: "admin@example.com",
      route: "tickets.read",
    };
    await stage.store.activity.append([
      { ...request, at, event: "request", decision: "deny", reason: "portal_forbidden" },
      { ...ben, at: at - 1, event: "signin", decision: "deny", reason: "wrong_password", action: "signin.password" },
      { ...ben, at: at - 2, event: "request", decision: "deny", reason: "more_refused", count: 40 },
    ]);
    const list = await admin.at("/activity");
    expect(words(list)).toContain("The credential may not act on this portal.");
    expect(words(list)).toContain("Sign-in with a password");
    expect(words(list)).toContain("40 more like these");
    expect(words(await admin.at("/activity?subject=ben%40example.com"))).not.toContain("/api/portals/globex");
    expect(words(await admin.at("/activity?reason=no_route"))).toContain("Nothing fits these filters");
    expect(words(await admin.at("/activity?from=yesterday"))).toContain("This is no time");
    const href = unescapeHtml(/href="(\/admin\/activity\/[^"]*)"><code>GET/.exec(list.text)?.[1] ?? "");
    const entry = await admin.get(new URL(href, list.url).href);
    expect(words(entry)).toContain("Compare portal_named and portal_allowed in the audit line.");
    const steps = await admin.send(entry, {}, "/explain");
    expect(steps.status).toBe(200);
    expect(words(steps)).toContain("the request names portal globex; the credential is restricted to acme");
    expect(words(steps)).toContain("403 portal_forbidden");
  });

  test("what cannot be explained is said beside its field", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const cases = [
      [{ target: "nopath" }, "Begin with a slash."],
      [{ target: "/x", as: "key", key: "noice" }, "Give the id of a key"],
      [{ target: "/x", as: "key", key: "key_00000000000000000000" }, "There is no key key_00000000000000000000."],
      [{ target: "/x", as: "scopes", scope: "nope:read" }, "Unknown scope"],
      [{ target: "/x", headers: "no header" }, "Write each on a line of its own"],
      [{ target: "/x", headers: "Cookie: a=b" }, "Leave out the credential here"],
    ] as const;
    const form = await admin.at("/explain");
    for (const [fields, text] of cases) {
      const page = await admin.send(form, { body: '{"kept": true}', ...fields });
      expect([fields, page.status, words(page).includes(text)]).toEqual([fields, 422, true]);
      expect(unescapeHtml(page.text)).toContain('{"kept": true}</textarea>');
    }
    expect(words(await admin.send(form, { target: "/nothing" }))).toContain("404 no_route");
  });

  test("a link fills in the form and asks nothing, without a query or a body", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const query = "method=POST&target=%2Fx%3Fone%3DMARK&as=scopes&scope=tickets:read&body=MARK&headers=A:MARK";
    const page = await admin.at(`/explain?${query}`);
    expect(page.status).toBe(200);
    expect(page.text).toContain('value="/x"');
    expect(page.text).not.toMatch(/MARK|The decision/);
    const secret = `noice_sk_live_${"a".repeat(36)}`;
    expect((await admin.send(page, { target: "/x", as: "key", key: secret })).text).not.toContain(secret);
  });
});

onBothStores("addresses of things that there are not", (stores) => {
  test("lead to a page that says so, and to none that fails", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const strange = [
      "/keys/x",
      "/keys/%00",
      "/keys/..%2f..",
      "/clients/client?id=",
      "/clients/client?id=a&id=b",
      "/people/x",
      "/activity/x?at=NaN",
      "/apps/x/revoke",
      "/tokens/x/revoke",
      `/keys/${"x".repeat(200)}`,
    ];
    for (const path of strange) {
      const { status } = await admin.at(path);
      expect([path, [400, 404].includes(status)]).toEqual([path, true]);
    }
    expect((await admin.at("/keys?search=%00&state=nope&state=x&after=%ff")).status).toBe(200);
  });

  test("the scripts are files of ours that browsers keep, and no page has another", async () => {
    const stage = await startPages(stores());
    const admin = await stage.browser("admin");
    const page = await admin.at("");
    const scripts = [...page.text.matchAll(/<script[^>]*>/g)].map(([tag]) => tag);
    expect(scripts).toEqual([named("live"), named("once")]);
    expect(page.headers.get("content-security-policy")).toContain("script-src 'self'; connect-src 'self'");
    const src = /src="([^"]*)"/.exec(scripts[0] ?? "")?.[1] ?? "";
    const script = await admin.get(new URL(src, page.url).href);
    expect(script.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(script.headers.get("cache-control")).toContain("immutable");
  });
});

/** The tag of a script of ours. */
function named(name: string): unknown {
  return expect.stringMatching(new RegExp(`^<script src="/admin/assets/${name}\\.[0-9a-f]{16}\\.js" defer>$`));
}
