import { describe, expect, test } from "vitest";
import type { PersonId } from "../../src/core/ids.ts";
import { networkOf } from "../../src/signin/network.ts";
import { type Attempt, createThrottle, type Throttle } from "../../src/signin/throttle.ts";
import { onBothStores } from "../store/both-stores.ts";
import { Browser } from "../support/browserless.ts";
import { type Stage, startStage } from "./stage.ts";

const MINUTE = 60_000;
const NEXT = "another fine password";
const ANNA: Attempt = { email: "anna@example.com", address: "192.0.2.1", device: null };

async function fail(throttle: Throttle, attempt: Attempt): Promise<string> {
  const admission = await throttle.admit(attempt);
  if (admission.kind === "wait") return admission.by;
  await admission.attempt.failed();
  return "failed";
}

async function failTimes(throttle: Throttle, attempt: Attempt, times: number): Promise<readonly string[]> {
  const results = [];
  for (let at = 0; at < times; at += 1) results.push(await fail(throttle, attempt));
  return results;
}

const from = (at: number, address: string): Attempt => ({ email: `p${at}@example.com`, address, device: null });

async function wrong(stage: Stage, browser: Browser, times: number, email = "mara@example.com"): Promise<void> {
  for (let at = 0; at < times; at += 1) await stage.signIn(browser, { email, password: "wrong wrong wrong" });
}

onBothStores("the throttle", (stores) => {
  const make = (): Throttle => createThrottle({ counters: stores().store.counters, clock: stores().clock });

  test("lets five failures of an account through in 15 minutes, from wherever they come, and says how long to wait", async () => {
    const throttle = make();
    const results = [];
    for (let at = 0; at < 6; at += 1) {
      results.push(await fail(throttle, { ...ANNA, address: `192.0.2.${at}` }));
      stores().clock.advance(MINUTE);
    }
    expect(results).toEqual(["failed", "failed", "failed", "failed", "failed", "account"]);
    expect(await throttle.admit(ANNA)).toEqual({ kind: "wait", by: "account", waitMs: 9 * MINUTE });
    stores().clock.advance(9 * MINUTE);
    expect(await fail(throttle, ANNA)).toBe("failed");
  });

  test("what is tried while waiting does not lengthen the wait", async () => {
    const throttle = make();
    await failTimes(throttle, ANNA, 5);
    stores().clock.advance(14 * MINUTE);
    expect(new Set(await failTimes(throttle, ANNA, 50))).toEqual(new Set(["account"]));
    stores().clock.advance(MINUTE);
    expect(await fail(throttle, ANNA)).toBe("failed");
  });

  test("lets twenty failures of an address through, over all accounts, and of an IPv6 customer too", async () => {
    const throttle = make();
    for (const address of ["192.0.2.1", "2001:db8:0:1::"]) {
      const results = [];
      for (let at = 0; at < 21; at += 1) {
        results.push(await fail(throttle, from(at, address.endsWith("::") ? `${address}${at + 1}` : address)));
      }
      expect(results.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => "failed"));
      expect(results[20]).toBe("address");
      stores().clock.advance(15 * MINUTE);
    }
  });

  test("holds over instances", async () => {
    await failTimes(make(), ANNA, 5);
    const there = createThrottle({ counters: stores().other.counters, clock: stores().clock });
    expect(await fail(there, ANNA)).toBe("account");
  });

  test("a success clears the account's count and not the address's", async () => {
    const throttle = make();
    await failTimes(throttle, ANNA, 4);
    const admission = await throttle.admit(ANNA);
    if (admission.kind !== "admitted") throw new Error("not admitted");
    await admission.attempt.succeeded();
    expect(await failTimes(throttle, ANNA, 6)).toEqual(["failed", "failed", "failed", "failed", "failed", "account"]);
    const others = [];
    for (let at = 0; at < 12; at += 1) others.push(await fail(throttle, { ...ANNA, email: `p${at}@example.com` }));
    // 4 and 5 failures of Anna's are in the budget of 20 of the address.
    expect(others.filter((result) => result === "failed")).toHaveLength(11);
    expect(others.at(-1)).toBe("address");
  });

  test("parallel attempts do not slip through", async () => {
    const throttle = make();
    const admissions = await Promise.all(Array.from({ length: 30 }, () => throttle.admit(ANNA)));
    expect(admissions.filter(({ kind }) => kind === "admitted")).toHaveLength(5);
  });

  test("an attempt that was not checked costs nothing", async () => {
    const throttle = make();
    for (let at = 0; at < 30; at += 1) {
      const admission = await throttle.admit(ANNA);
      if (admission.kind !== "admitted") throw new Error("not admitted");
      admission.attempt.abandoned();
      admission.attempt.abandoned();
    }
    expect(await fail(throttle, ANNA)).toBe("failed");
  });

  test("a known browser has a budget of its own", async () => {
    const throttle = make();
    const known = { ...ANNA, device: "A".repeat(22) };
    await failTimes(throttle, ANNA, 6);
    expect(await failTimes(throttle, known, 6)).toEqual(["failed", "failed", "failed", "failed", "failed", "device"]);
    expect(await fail(throttle, { ...known, device: "B".repeat(22) })).toBe("failed");
  });
});

describe("the network of an address", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:0DB8:1:2::9", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["1::", "1:0:0:0::/64"],
    ["unknown", "unknown"],
  ])("of %s is %s", (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe("sign-in that is throttled", () => {
  test("is answered alike for accounts that are there and those that are not, and is not even checked", async () => {
    const stage = await startStage();
    await stage.add();
    const answers = [];
    for (const email of ["mara@example.com", "nobody@example.com", "no email at all"]) {
      const browser = new Browser();
      await wrong(stage, browser, 5, email);
      const before = stage.passwords.derivations;
      const page = await stage.signIn(browser, { email });
      expect(stage.passwords.derivations).toBe(before);
      answers.push([
        page.status,
        page.headers.get("retry-after"),
        /<div class="notice.*?<\/div>/s.exec(page.text)?.[0],
      ]);
    }
    expect(answers).toEqual([answers[0], answers[0], answers[0]]);
    expect(answers[0]).toEqual([429, "900", expect.stringContaining("Too many attempts. Try again in 15 minutes.")]);
    expect(stage.events.at(-1)).toMatchObject({ decision: "deny", reason: "throttled", detail: "by account" });
    stage.clock.advance(15 * MINUTE);
    expect((await stage.signIn(new Browser())).status).toBe(303);
  });

  test("does not lock out the browser of somebody who has signed in before", async () => {
    const stage = await startStage();
    await stage.add();
    await stage.add({ email: "other@example.com" });
    const known = new Browser();
    await stage.signIn(known);
    await known.submit(await known.get(stage.url("/signin")), {}, { action: "/signin/out" });
    const device = known.cookies()["portcullis_device"] ?? "";
    expect(known.attributesOf("portcullis_device")).toBe("max-age=34560000; path=/; httponly; samesite=lax");
    // An attacker uses up the account's budget, and the address's too.
    await wrong(stage, new Browser(), 5);
    for (let at = 0; at < 4; at += 1) await wrong(stage, new Browser(), 5, `p${at}@example.com`);
    expect((await stage.signIn(new Browser())).status).toBe(429);
    expect((await stage.signIn(known)).status).toBe(303);
    // The cookie speaks for its own account alone, and a made up one for none.
    for (const forged of [
      device,
      `A${device.slice(1)}`,
      `${device.slice(0, -1)}${device.endsWith("A") ? "B" : "A"}`,
      "x",
    ]) {
      const attacker = new Browser();
      attacker.setCookie("portcullis_device", forged);
      const email = forged === device ? "other@example.com" : "mara@example.com";
      expect((await stage.signIn(attacker, { email })).status).toBe(429);
    }
  });

  test.each([
    ["another password", (stage: Stage, id: PersonId) => stage.signin.people.setPassword(id, NEXT)],
    ["a disable", (stage: Stage, id: PersonId) => stage.signin.people.disable(id)],
    [
      "a disable that was taken back",
      async (stage: Stage, id: PersonId) => {
        await stage.signin.people.disable(id);
        await stage.signin.people.enable(id);
      },
    ],
  ])("knows no browser of before %s", async (_what, end) => {
    const stage = await startStage();
    const { id } = await stage.add();
    await stage.add({ email: "admin@example.com", role: "admin" });
    const known = new Browser();
    await stage.signIn(known);
    await known.submit(await known.get(stage.url("/signin")), {}, { action: "/signin/out" });
    await wrong(stage, new Browser(), 5);
    expect((await stage.signIn(known, { password: "wrong wrong wrong" })).status).toBe(403);
    await end(stage, id);
    const { derivations } = stage.passwords;
    expect((await stage.signIn(known)).status).toBe(429);
    expect(stage.passwords.derivations).toBe(derivations);
  });

  test("counts by the address that the line tells", async () => {
    const stage = await startStage();
    for (let at = 0; at < 20; at += 1) await wrong(stage, new Browser(), 1, `p${at}@example.com`);
    expect((await stage.signIn(new Browser(), { email: "fresh@example.com" })).status).toBe(429);
    expect(stage.events.at(-1)).toMatchObject({ reason: "throttled", detail: "by address" });
    stage.address = "192.0.2.99";
    expect((await stage.signIn(new Browser(), { email: "fresh@example.com" })).status).toBe(403);
  });
});
