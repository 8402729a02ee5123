import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createPeopleService } from "../../src/signin/people-service.ts";
import { createSessions } from "../../src/signin/sessions.ts";
import { createSetupLinks, type SetupLinks } from "../../src/signin/setup-link.ts";
import { createGrants } from "../../src/store/grants.ts";
import { createPeople } from "../../src/store/people.ts";
import type { Store } from "../../src/store/types.ts";
import { type FakeClock } from "../store/fake-clock.ts";
import { onBothStores } from "../store/both-stores.ts";
import { Browser } from "../support/browserless.ts";
import { CATALOGUE, cheapPasswords, PASSWORD, type Stage, startStage } from "./stage.ts";

const WHO = { email: "mara@example.com", name: "Mara Lind", password: PASSWORD };

async function linkOf(stage: Stage): Promise<string> {
  const url = await stage.signin.setupUrl();
  if (url === null) throw new Error("no link");
  return url;
}

function linksOn({ documents }: Store, clock: FakeClock): SetupLinks {
  const people = createPeople(documents);
  const sessions = createSessions({ documents, people, clock, randomBytes, lifeMs: 1000 });
  const service = createPeopleService({
    people,
    grants: createGrants(documents),
    sessions,
    clock,
    randomBytes,
    passwords: cheapPasswords(),
    scopes: () => CATALOGUE,
    portals: () => [],
  });
  return createSetupLinks({ documents, people, service, clock, randomBytes });
}

describe("the link that makes the first administrator", () => {
  test("trades its token for a cookie, shows a form at a clean address, and signs in", async () => {
    const stage = await startStage();
    const link = await linkOf(stage);
    const token = new URL(link).searchParams.get("token") ?? "";
    expect(token).toMatch(/^[\w-]{43}$/);
    const browser = new Browser();
    const traded = await browser.get(link);
    expect([traded.status, traded.location]).toEqual([303, stage.url("/signin/setup")]);
    expect(browser.attributesOf("portcullis_setup")).toBe("max-age=3600; path=/; httponly; samesite=lax");
    const form = await browser.follow(traded);
    expect(form.status).toBe(200);
    expect(form.text).not.toContain(token);
    const done = await browser.submit(form, WHO);
    expect([done.status, done.location]).toEqual([303, stage.url("/signin")]);
    expect(await stage.whoIs(browser)).toBe("mara@example.com");
    expect(await stage.people.findByEmail("mara@example.com")).toMatchObject({
      role: "admin",
      scopes: [...CATALOGUE.keys()],
      portals: null,
      createdBy: "setup link",
    });
    expect(browser.cookies()).not.toHaveProperty("portcullis_setup");
    expect(stage.events.at(-1)).toMatchObject({ action: "signin.setup", subject: "mara@example.com" });
    expect(JSON.stringify(stage.events)).not.toContain(token);
  });

  test("is of no use afterwards, and there is no other", async () => {
    const stage = await startStage();
    const [link, second] = [await linkOf(stage), await linkOf(stage)];
    const late = new Browser();
    const open = await late.open(second);
    const browser = new Browser();
    await browser.submit(await browser.open(link), WHO);
    expect(await stage.signin.setupUrl()).toBeNull();
    expect((await new Browser().get(link)).status).toBe(410);
    expect((await new Browser().get(second)).status).toBe(410);
    expect((await late.submit(open, { ...WHO, email: "second@example.com" })).status).toBe(410);
    expect(await stage.people.count()).toBe(1);
  });

  test("is of no use once an administrator was added elsewhere", async () => {
    const stage = await startStage();
    const link = await linkOf(stage);
    const browser = new Browser();
    const form = await browser.open(link);
    await stage.add({ email: "first@example.com", role: "admin" });
    expect((await browser.submit(form, WHO)).status).toBe(410);
    expect(await stage.people.count()).toBe(1);
  });

  test("ends after an hour", async () => {
    const stage = await startStage();
    const link = await linkOf(stage);
    const browser = new Browser();
    const form = await browser.open(link);
    stage.clock.advance(3_600_000);
    expect((await browser.submit(form, WHO)).status).toBe(410);
    expect((await new Browser().get(link)).status).toBe(410);
  });

  test("stays good through mistakes in the form, which are told beside their fields", async () => {
    const stage = await startStage();
    const browser = new Browser();
    const form = await browser.open(await linkOf(stage));
    const again = await browser.submit(form, { email: "mara", name: " ", password: "short" });
    expect(again.status).toBe(422);
    for (const words of ["The email is none", "The name is empty", "The password is shorter than 12 characters"]) {
      expect(again.text).toContain(words);
    }
    expect(again.text).not.toContain('short"');
    expect(await stage.people.count()).toBe(0);
    expect((await browser.submit(again, WHO)).status).toBe(303);
  });

  test("stays good where the email is taken, which is told beside it", async () => {
    const stage = await startStage();
    const browser = new Browser();
    const form = await browser.open(await linkOf(stage));
    await stage.add({ email: WHO.email });
    const again = await browser.submit(form, WHO);
    expect([again.status, again.text]).toEqual([422, expect.stringContaining("The email mara@example.com is taken.")]);
    expect((await browser.submit(again, { ...WHO, email: "first@example.com" })).status).toBe(303);
    expect(await stage.people.findByEmail("first@example.com")).toMatchObject({ role: "admin" });
  });

  test("tells, once it is gone, when a restart prints another", async () => {
    const stage = await startStage();
    const { text } = await new Browser().get(stage.url(`/signin/setup?token=${"A".repeat(43)}`));
    expect(text).toContain("While there is nobody at all, a restart prints another");
  });

  test.each(["", "A".repeat(43), "short", "../x"])("cannot be made up: %j", async (token) => {
    const stage = await startStage();
    await linkOf(stage);
    const page = await new Browser().get(stage.url(`/signin/setup?token=${encodeURIComponent(token)}`));
    expect(page.status).toBe(410);
    expect((await new Browser().get(stage.url("/signin/setup"))).status).toBe(410);
  });

  test("makes nobody by a forged form", async () => {
    const stage = await startStage();
    const browser = new Browser();
    const form = await browser.open(await linkOf(stage));
    const other = new Browser();
    const theirs = await other.open(await linkOf(stage));
    const theirToken = Object.fromEntries(theirs.forms[0]?.fields ?? [])["csrf"] ?? "";
    const url = stage.url("/signin/setup");
    expect((await browser.post(url, WHO)).status).toBe(403);
    expect((await browser.post(url, { ...WHO, csrf: theirToken })).status).toBe(403);
    expect((await browser.submit(form, WHO, { headers: { origin: "https://evil.example" } })).status).toBe(403);
    expect((await new Browser().post(url, { ...WHO, csrf: theirToken })).status).toBe(410);
    expect(await stage.people.count()).toBe(0);
  });
});

onBothStores("setup links", (stores) => {
  test("one of many parallel redemptions of one link wins, over two instances", async () => {
    const { clock, other, store } = stores();
    const [here, there] = [linksOn(store, clock), linksOn(other, clock)];
    const token = (await here.issue()) ?? "";
    const made = await Promise.all(
      Array.from({ length: 8 }, (_, at) =>
        (at % 2 === 0 ? here : there).redeem(token, { ...WHO, email: `p${at}@example.com` }),
      ),
    );
    expect(made.filter((person) => person !== null)).toHaveLength(1);
    expect(await createPeople(store.documents).count()).toBe(1);
  });

  test("one of two different links wins", async () => {
    const { clock, other, store } = stores();
    const [here, there] = [linksOn(store, clock), linksOn(other, clock)];
    const tokens = [(await here.issue()) ?? "", (await there.issue()) ?? ""];
    const made = await Promise.all([
      here.redeem(tokens[0] ?? "", { ...WHO, email: "a@example.com" }),
      there.redeem(tokens[1] ?? "", { ...WHO, email: "b@example.com" }),
    ]);
    expect(made.filter((person) => person !== null)).toHaveLength(1);
    expect(await createPeople(store.documents).count()).toBe(1);
  });
});
