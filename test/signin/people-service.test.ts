import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { type GrantId, isClientId, isGrantId, isPersonId } from "../../src/core/ids.ts";
import { InvalidRequest } from "../../src/core/invalid-request.ts";
import { createPeopleService, type PeopleService, type PersonRequest } from "../../src/signin/people-service.ts";
import { createSessions, type Sessions } from "../../src/signin/sessions.ts";
import { createGrants, type Grants } from "../../src/store/grants.ts";
import { createPeople, type People, type PersonRecord } from "../../src/store/people.ts";
import type { Store } from "../../src/store/types.ts";
import { onBothStores } from "../store/both-stores.ts";
import type { FakeClock } from "../store/fake-clock.ts";
import { CATALOGUE, cheapPasswords, PASSWORD, PORTALS, startStage } from "./stage.ts";

const REQUEST: PersonRequest = {
  email: "mara@example.com",
  name: "Mara Lind",
  role: "member",
  scopes: "all",
  portals: "all",
  password: PASSWORD,
  createdBy: "test",
};

interface Parts {
  readonly people: People;
  readonly grants: Grants;
  readonly sessions: Sessions;
  readonly service: PeopleService;
}

function partsOn({ documents }: Store, clock: FakeClock): Parts {
  const people = createPeople(documents);
  const grants = createGrants(documents);
  const sessions = createSessions({ documents, people, clock, randomBytes, lifeMs: 3_600_000 });
  const service = createPeopleService({
    people,
    grants,
    sessions,
    clock,
    randomBytes,
    passwords: cheapPasswords(),
    scopes: () => CATALOGUE,
    portals: () => PORTALS,
  });
  return { people, grants, sessions, service };
}

function grantId(at: number): GrantId {
  const id = `grant_${String(at).padStart(22, "0")}`;
  if (!isGrantId(id)) throw new Error(id);
  return id;
}

async function grantTo(grants: Grants, { id: person, createdAt }: PersonRecord, at: number): Promise<GrantId> {
  const id = grantId(at);
  const client = "client_1";
  if (!isClientId(client)) throw new Error(client);
  const about = { id, person, client, scopes: [], portal: null, resource: "https://desk.example.com" } as const;
  const times = { createdAt, expiresAt: createdAt + 1_000_000, revokedAt: null };
  await grants.create({ ...about, ...times, flow: "authorization_code" });
  return id;
}

async function problemsOf(work: Promise<unknown>): Promise<readonly string[]> {
  const error: unknown = await work.catch((problem: unknown) => problem);
  if (!(error instanceof InvalidRequest)) throw new Error("not refused");
  return error.fields.map(({ text }) => text);
}

onBothStores("the people service", (stores) => {
  test("adds somebody, in a form that is found by id and by email", async () => {
    const { service } = partsOn(stores().store, stores().clock);
    const person = await service.add({
      ...REQUEST,
      email: "  Mara@Example.com ",
      name: " Mara Lind ",
      portals: ["acme", "acme"],
    });
    expect(person).toEqual({
      id: expect.stringMatching(/^usr_[0-9A-Za-z]{20}$/),
      email: "mara@example.com",
      name: "Mara Lind",
      role: "member",
      scopes: [...CATALOGUE.keys()],
      portals: ["acme"],
      password: expect.stringMatching(/^\$scrypt\$/),
      company: null,
      createdAt: stores().clock.now(),
      createdBy: "test",
      disabledAt: null,
      lastSignInAt: null,
      version: 1,
    });
    expect(await service.get(person.id)).toEqual(person);
    expect(await service.get("MARA@example.com")).toEqual(person);
    expect(await service.get("nobody@example.com")).toBeNull();
    expect(await service.get("x")).toBeNull();
    expect(await service.list({ limit: 10 })).toEqual([person]);
  });

  test("one of many who add the same email at once succeeds", async () => {
    const [here, there] = [partsOn(stores().store, stores().clock), partsOn(stores().other, stores().clock)];
    const added = await Promise.allSettled([here, there, here, there].map(({ service }) => service.add(REQUEST)));
    expect(added.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await problemsOf(here.service.add(REQUEST))).toEqual(["the email mara@example.com is taken"]);
  });

  test("disabling ends sessions and grants, all pages of them; a repeated call does what was left undone", async () => {
    const { grants, people, service, sessions } = partsOn(stores().store, stores().clock);
    const person = await service.add(REQUEST);
    const other = await service.add({ ...REQUEST, email: "other@example.com" });
    const { token } = await sessions.begin(person, null);
    const { token: othersToken } = await sessions.begin(other, null);
    const ids = [];
    for (let at = 0; at < 105; at += 1) ids.push(await grantTo(grants, person, at));
    const othersGrant = await grantTo(grants, other, 999);
    expect(await service.disable(person.id)).toMatchObject({
      kind: "changed",
      person: { disabledAt: stores().clock.now() },
    });
    expect(await sessions.find(token)).toBeNull();
    const revoked = await Promise.all(ids.map((id) => grants.get(id)));
    expect(revoked.filter((grant) => grant?.revokedAt === null)).toEqual([]);
    expect(await sessions.find(othersToken)).not.toBeNull();
    expect(await grants.get(othersGrant)).toMatchObject({ revokedAt: null });
    // As where the process died half-way.
    const left = await grantTo(grants, person, 1000);
    expect(await service.disable(person.id)).toMatchObject({ kind: "unchanged" });
    expect((await grants.get(left))?.revokedAt).not.toBeNull();
    expect(await service.enable(person.id)).toMatchObject({ kind: "changed", person: { disabledAt: null } });
    expect(await people.get(person.id)).toMatchObject({ disabledAt: null });
    expect(await service.enable(person.id)).toMatchObject({ kind: "unchanged" });
    expect((await grants.get(left))?.revokedAt).not.toBeNull();
  });

  test("a sign-in that ran while the person was disabled leaves no session for later", async () => {
    const { service, sessions } = partsOn(stores().store, stores().clock);
    const person = await service.add(REQUEST);
    await service.disable(person.id);
    const { token } = await sessions.begin(person, null);
    expect(await sessions.find(token)).toBeNull();
    await service.enable(person.id);
    expect(await sessions.find(token)).toBeNull();
  });

  test("a sign-in with the old password that ran while it was changed leaves no session", async () => {
    const { service, sessions } = partsOn(stores().store, stores().clock);
    const person = await service.add(REQUEST);
    expect(await service.setPassword(person.id, "another fine password")).toMatchObject({ kind: "changed" });
    const { token } = await sessions.begin(person, null);
    expect(await sessions.find(token)).toBeNull();
  });

  test("another password ends sessions and grants, of that person alone", async () => {
    const { grants, service, sessions } = partsOn(stores().store, stores().clock);
    const person = await service.add(REQUEST);
    const other = await service.add({ ...REQUEST, email: "other@example.com" });
    const { token } = await sessions.begin(person, null);
    const [grant, othersGrant] = [await grantTo(grants, person, 1), await grantTo(grants, other, 2)];
    expect(await problemsOf(service.setPassword(person.id, "short"))).toHaveLength(1);
    expect(await grants.get(grant)).toMatchObject({ revokedAt: null });
    await service.setPassword(person.id, "another fine password");
    expect(await sessions.find(token)).toBeNull();
    expect(await grants.get(grant)).toMatchObject({ revokedAt: stores().clock.now() });
    expect(await grants.get(othersGrant)).toMatchObject({ revokedAt: null });
  });

  test("two administrators who disable or demote each other at once: one is left", async () => {
    for (let round = 0; round < 5; round += 1) {
      const [here, there] = [partsOn(stores().store, stores().clock), partsOn(stores().other, stores().clock)];
      const a = await here.service.add({ ...REQUEST, email: `a${round}@example.com`, role: "admin" });
      const b = await here.service.add({ ...REQUEST, email: `b${round}@example.com`, role: "admin" });
      await Promise.all([here.service.disable(a.id), there.service.edit(b.id, { role: "member" })]);
      const left = (await here.people.list({ limit: 100 })).filter(
        ({ disabledAt, role }) => role === "admin" && disabledAt === null,
      );
      expect(left.length).toBeGreaterThanOrEqual(1);
      // For the next round there is none from before.
      for (const { id } of left) {
        const record = await here.people.get(id);
        if (record !== null) await here.people.update({ ...record, role: "member" });
      }
    }
  });

  test("a change is not lost where somebody else changes the same person at once", async () => {
    const [here, there] = [partsOn(stores().store, stores().clock), partsOn(stores().other, stores().clock)];
    const { id } = await here.service.add(REQUEST);
    await Promise.all([here.service.edit(id, { name: "Mara Berg" }), there.service.edit(id, { portals: ["acme"] })]);
    expect(await here.people.get(id)).toMatchObject({ name: "Mara Berg", portals: ["acme"] });
  });
});

describe("the last administrator", () => {
  test("cannot be disabled or demoted, and keeps their session", async () => {
    const { add, signin } = await startStage();
    const admin = await add({ role: "admin" });
    await add({ email: "member@example.com" });
    const gone = await add({ email: "gone@example.com", role: "admin" });
    expect(await signin.people.disable(gone.id)).toMatchObject({ kind: "changed" });
    const { token } = await signin.sessions.begin(admin, null);
    expect(await signin.people.disable(admin.id)).toMatchObject({ kind: "last_administrator" });
    expect(await signin.people.edit(admin.id, { role: "member" })).toMatchObject({ kind: "last_administrator" });
    expect(await signin.sessions.find(token)).not.toBeNull();
    expect(await signin.people.edit(admin.id, { name: "Still Here" })).toMatchObject({ kind: "changed" });
    await signin.people.enable(gone.id);
    expect(await signin.people.disable(admin.id)).toMatchObject({ kind: "changed" });
  });
});

describe("what is asked for a person", () => {
  test.each<[Partial<PersonRequest>, RegExp]>([
    [{ email: "" }, /email is none/],
    [{ email: "mara" }, /email is none/],
    [{ email: "a@b@example.com" }, /email is none/],
    [{ email: "ma ra@example.com" }, /email is none/],
    [{ email: "mara@example.com\r\nX: 1" }, /email is none/],
    [{ email: `${"a".repeat(250)}@example.com` }, /email is none/],
    [{ name: "" }, /name is empty/],
    [{ name: "x".repeat(101) }, /longer than 100/],
    [{ name: "a\nb" }, /cannot be seen/],
    [{ name: "a\u202eb" }, /cannot be seen/],
    [{ scopes: ["tickets:raed"] }, /unknown scope "tickets:raed"; the catalogue has: tickets:read/],
    [{ scopes: ["tickets:*"] }, /unknown scope/],
    [{ portals: ["acmee"] }, /unknown portal "acmee" \(did you mean `acme`\?\); known: acme, globex/],
    [{ portals: ["../x"] }, /no portal id/],
    [{ portals: [] }, /name a portal, or all/],
    [{ password: "short" }, /shorter than 12/],
    [{ password: "mara@example.com" }, /is the email/],
  ])("is refused: %j", async (changes, problem) => {
    const { add, people } = await startStage();
    expect((await problemsOf(add(changes))).join("\n")).toMatch(problem);
    expect(await people.count()).toBe(0);
  });

  test("is refused with all problems at once", async () => {
    const { add } = await startStage();
    expect(await problemsOf(add({ email: "x", name: "", scopes: ["x"], portals: ["/"], password: "" }))).toHaveLength(
      5,
    );
  });

  test("may be no scopes, and those of a wildcard of the catalogue", async () => {
    const { add } = await startStage();
    expect((await add({ scopes: [] })).scopes).toEqual([]);
    expect((await add({ email: "b@example.com", scopes: ["workflows:run"] })).scopes).toEqual(["workflows:run"]);
  });

  test("is checked in an edit too, and unknown people are told", async () => {
    const { add, signin } = await startStage();
    const { id } = await add();
    expect(await problemsOf(signin.people.edit(id, { name: "", scopes: ["x"] }))).toHaveLength(2);
    expect(await problemsOf(signin.people.setPassword(id, "short"))).toHaveLength(1);
    expect(await signin.people.edit(id, { scopes: "all", portals: "all", role: "member" })).toMatchObject({
      kind: "unchanged",
    });
    const unknown = "usr_00000000000000000000";
    if (!isPersonId(unknown)) throw new Error(unknown);
    expect(await signin.people.edit(unknown, { name: "x" })).toEqual({ kind: "not_found" });
    expect(await signin.people.disable(unknown)).toEqual({ kind: "not_found" });
    expect(await signin.people.setPassword(unknown, PASSWORD)).toEqual({ kind: "not_found" });
  });
});

test("two administrators who took each other away at once get one another back", async () => {
  const stage = await startStage();
  const a = await stage.add({ role: "admin" });
  const b = await stage.add({ email: "b@example.com", role: "admin" });
  // Between the look before the write and the look after it, the other one goes; and the record is renamed as well.
  let writes = 0;
  const people: People = {
    ...stage.people,
    async update(record) {
      const done = await stage.people.update(record);
      writes += 1;
      if (writes > 1) return done;
      await stage.people.update({ ...b, disabledAt: 1 });
      await stage.people.update({ ...record, version: record.version + 1, name: "Renamed" });
      return done;
    },
  };
  const service = createPeopleService({
    people,
    grants: createGrants(stage.store.documents),
    sessions: stage.signin.sessions,
    clock: stage.clock,
    randomBytes,
    passwords: stage.passwords,
    scopes: () => CATALOGUE,
    portals: () => PORTALS,
  });
  expect(await service.disable(a.id)).toMatchObject({ kind: "last_administrator" });
  expect(await stage.people.get(a.id)).toMatchObject({ disabledAt: null, role: "admin", name: "Renamed" });
});
