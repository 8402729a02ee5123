import { expect, test, vi } from "vitest";
import { isScope } from "../../src/core/ids.ts";
import { createPeople, type PersonRecord } from "../../src/store/people.ts";
import { newEar } from "../contract/store.contract.ts";
import { onBothStores } from "./both-stores.ts";
import { personId, portalId } from "./records.ts";

function person(changes: Partial<Omit<PersonRecord, "version">> = {}): Omit<PersonRecord, "version"> {
  const id = personId();
  return {
    id,
    email: `${id.toLowerCase()}@example.com`,
    name: "Änne O'Neill ☕",
    role: "member",
    scopes: ["tickets:read", "workflows:*"].filter(isScope),
    portals: [portalId("acme")],
    password: "$scrypt$ln=15,r=8,p=1$c2FsdA$aGFzaA",
    company: `https://login.example.com ${id}`,
    createdAt: 1_700_000_000_000,
    createdBy: "cli:root",
    disabledAt: null,
    lastSignInAt: null,
    ...changes,
  };
}

onBothStores("people", (stores) => {
  const people = () => createPeople(stores().store.documents);
  const others = () => createPeople(stores().other.documents);

  test("a person is found by id, email and company, with every field", async () => {
    const full = person();
    const bare = person({ portals: null, password: null, company: null, role: "admin", scopes: [] });
    expect(await people().create(full)).not.toBeNull();
    expect(await people().create(bare)).not.toBeNull();
    const stored = { ...full, version: 1 };
    expect(await others().get(full.id)).toEqual(stored);
    expect(await others().findByEmail(full.email)).toEqual(stored);
    expect(await others().findByCompany(full.company ?? "")).toEqual(stored);
    expect(await others().get(bare.id)).toEqual({ ...bare, version: 1 });
    expect(await people().get(personId())).toBeNull();
    expect(await people().findByEmail("nobody@example.com")).toBeNull();
    expect(await people().findByCompany("")).toBeNull();
  });

  test("an email is one person's, however its letters are written", async () => {
    await people().create(person({ email: "anna@example.com" }));
    expect(await people().create(person({ email: "anna@example.com" }))).toBeNull();
    expect(await people().create(person({ email: "ANNA@example.com" }))).toBeNull();
    expect((await people().findByEmail("Anna@Example.com"))?.email).toBe("anna@example.com");
    expect(await people().count()).toBe(1);
  });

  test("a company's subject is one person's, whatever characters it has", async () => {
    for (const company of ["https://a ü\0\n", "https://a b", `https://a ${"x".repeat(2000)}`, "https://a email:x"]) {
      expect(await people().create(person({ company }))).not.toBeNull();
      expect(await people().create(person({ company }))).toBeNull();
      expect((await others().findByCompany(company))?.company).toBe(company);
    }
  });

  test("an address of any length and script can be looked up", async () => {
    for (const email of [
      "jürgen@müller.example",
      `${"x".repeat(5000)}@example.com`,
      "",
      "a b\0@example.com",
      "\ud800",
    ]) {
      expect(await people().findByEmail(email)).toBeNull();
    }
    await people().create(person({ email: "jürgen@müller.example" }));
    expect((await people().findByEmail("JÜRGEN@müller.example"))?.email).toBe("jürgen@müller.example");
  });

  test("the list is newest first, in pages", async () => {
    const made = Array.from({ length: 5 }, (_, at) => person({ createdAt: 1000 + at }));
    for (const one of made) await people().create(one);
    const first = await others().list({ limit: 3 });
    const after = first.at(-1)?.id ?? personId();
    const second = await others().list({ limit: 3, after });
    expect([...first, ...second].map(({ id }) => id)).toEqual(made.map(({ id }) => id).toReversed());
    expect(await people().count()).toBe(5);
  });

  test("an update writes over the version that was read only, frees old names, and tells of the person", async () => {
    const before = person({ email: "old@example.com" });
    await people().create(before);
    const ear = newEar();
    await stores().other.changes.follow(ear.onChange);
    const changed = { ...before, email: "new@example.com", company: null, disabledAt: 5, version: 1 };
    expect(await people().update(changed)).not.toBeNull();
    expect(await others().update({ ...changed, disabledAt: null })).toBeNull();
    expect(await others().get(before.id)).toEqual({ ...changed, version: 2 });
    expect(await others().findByCompany(before.company ?? "")).toBeNull();
    stores().other.changes.poll();
    await vi.waitFor(() => expect(ear.changes).toEqual([[`person:${before.id}`]]));
    expect(await people().create(person({ email: "old@example.com" }))).not.toBeNull();
  });

  test("an update cannot take another's email", async () => {
    const [one, two] = [person(), person()];
    await people().create(one);
    await people().create(two);
    expect(await people().update({ ...two, email: one.email, version: 1 })).toBeNull();
    expect((await people().findByEmail(one.email))?.id).toBe(one.id);
  });

  test.each([
    ["an unknown role", { role: "root" }],
    ["a missing field", { portals: undefined }],
    ["a field of a newer version", { onlyOn: "mondays" }],
    ["a portal that is none", { portals: [".."] }],
  ])("a record with %s is unavailable, not read as something else", async (_what, wrong) => {
    const { id, createdAt, ...value } = person();
    const document = { kind: "person", id, createdAt, expiresAt: null, lookups: [], groups: ["all"] };
    await stores().store.documents.put({ ...document, value: { ...value, ...wrong } });
    await expect(people().get(id)).rejects.toMatchObject({ name: "StoreUnavailable" });
    await expect(people().list({ limit: 5 })).rejects.toMatchObject({ name: "StoreUnavailable" });
    await stores().store.documents.put({ ...document, value });
    expect(await people().get(id)).toMatchObject({ id });
  });
});
