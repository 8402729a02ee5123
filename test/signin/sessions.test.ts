import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { isPersonId } from "../../src/core/ids.ts";
import { createSessions, type Sessions } from "../../src/signin/sessions.ts";
import { createPeople, type PersonRecord } from "../../src/store/people.ts";
import type { Store } from "../../src/store/types.ts";
import { onBothStores } from "../store/both-stores.ts";

const HOUR = 3_600_000;

onBothStores("sessions", (stores) => {
  const sessionsOn = ({ documents }: Store): Sessions =>
    createSessions({ documents, people: createPeople(documents), clock: stores().clock, randomBytes, lifeMs: HOUR });

  async function add(changes: Partial<PersonRecord> = {}): Promise<PersonRecord> {
    const id = `usr_${randomBytes(10).toString("hex")}`;
    if (!isPersonId(id)) throw new Error(id);
    const people = createPeople(stores().store.documents);
    const rights = { role: "member", scopes: [], portals: null } as const;
    const origin = { password: "$scrypt$1", company: null, createdAt: stores().clock.now(), createdBy: "test" };
    const record = {
      id,
      email: `${id}@example.com`,
      name: "A",
      ...rights,
      ...origin,
      disabledAt: null,
      lastSignInAt: null,
    };
    await people.create({ ...record, ...changes });
    return { ...record, version: 1, ...changes };
  }

  test("hold on every instance, and are stored under a digest alone", async () => {
    const person = await add();
    const { token } = await sessionsOn(stores().store).begin(person, null);
    expect(token).toMatch(/^[\w-]{43}$/);
    const found = await sessionsOn(stores().other).find(token);
    expect(found).toEqual({
      person,
      sessionId: expect.stringMatching(/^[0-9a-f]{64}$/),
      signedInAt: stores().clock.now(),
      provedAt: stores().clock.now(),
    });
    expect(await stores().store.documents.get("signin_session", token)).toBeNull();
    const stored = await stores().store.documents.get("signin_session", found?.sessionId ?? "");
    expect(JSON.stringify(stored)).not.toContain(token);
    expect(JSON.stringify(stored)).not.toContain(person.password);
  });

  test("end when their life is over", async () => {
    const sessions = sessionsOn(stores().store);
    const { token } = await sessions.begin(await add(), null);
    stores().clock.advance(HOUR - 1);
    expect(await sessions.find(token)).not.toBeNull();
    stores().clock.advance(1);
    expect(await sessions.find(token)).toBeNull();
  });

  test("show the person as they are now, and nobody once the person is disabled or has another password", async () => {
    const sessions = sessionsOn(stores().store);
    const people = createPeople(stores().store.documents);
    const person = await add();
    const { token } = await sessions.begin(person, null);
    await people.update({ ...person, name: "B", role: "admin" });
    expect((await sessions.find(token))?.person).toMatchObject({ name: "B", role: "admin" });
    expect(await sessions.list(person.id)).toHaveLength(1);
    await people.update({ ...person, version: 2, disabledAt: 1 });
    expect(await sessions.find(token)).toBeNull();
    await people.update({ ...person, version: 3, password: "$scrypt$2" });
    expect(await sessions.find(token)).toBeNull();
    // What does not hold is not listed either.
    expect(await sessions.list(person.id)).toEqual([]);
  });

  test("begin in place of the one that the browser came with", async () => {
    const sessions = sessionsOn(stores().store);
    const { token: before } = await sessions.begin(await add(), null);
    const { token } = await sessions.begin(await add(), before);
    expect(await sessions.find(before)).toBeNull();
    expect(await sessions.find(token)).not.toBeNull();
  });

  test("end one by one, and all of a person at once", async () => {
    const sessions = sessionsOn(stores().store);
    const [person, other] = [await add(), await add()];
    const tokens: string[] = [];
    for (const who of [person, person, person, other]) tokens.push((await sessions.begin(who, null)).token);
    const alive = async (): Promise<readonly boolean[]> =>
      Promise.all(tokens.map(async (token) => (await sessions.find(token)) !== null));
    await sessions.end(tokens[0] ?? "");
    expect(await alive()).toEqual([false, true, true, true]);
    await sessionsOn(stores().other).endAll(person.id);
    expect(await alive()).toEqual([false, false, false, true]);
  });

  test.each(["", "x", "A".repeat(43), "../../x", "A".repeat(10_000)])("are not found by %j", async (token) => {
    const sessions = sessionsOn(stores().store);
    expect(await sessions.find(token)).toBeNull();
    await expect(sessions.end(token)).resolves.toBeUndefined();
  });
});
