import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  createPasswords,
  type Derive,
  deriveScrypt,
  OWASP_COST,
  passwordProblem,
  PasswordsBusy,
} from "../../src/signin/password.ts";
import { createPasswordSignin } from "../../src/signin/password-signin.ts";
import { createThrottle } from "../../src/signin/throttle.ts";
import { createCsrf } from "../../src/web/csrf.ts";
import { cheapPasswords, PASSWORD, startStage } from "./stage.ts";

const CHEAP = { ln: 4, r: 1, p: 1 };

describe("stored passwords", () => {
  test("cost what OWASP asks for, with a salt of their own, as a PHC string", async () => {
    const passwords = createPasswords({ randomBytes });
    const stored = await passwords.hash(PASSWORD);
    expect(stored).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(OWASP_COST).toEqual({ ln: 15, r: 8, p: 3 });
    expect(await passwords.verify(PASSWORD, stored)).toEqual({ ok: true, outdated: false });
    expect(await passwords.verify(`${PASSWORD}x`, stored)).toEqual({ ok: false, outdated: false });
    expect(await passwords.hash(PASSWORD)).not.toBe(stored);
  });

  test("are those of RFC 7914", async () => {
    // Section 12, third test vector.
    const key = await deriveScrypt("pleaseletmein", Buffer.from("SodiumChloride"), { ln: 14, r: 8, p: 1 }, 64);
    expect(key.toString("hex")).toMatch(/^7023bdcb3afd7348461c06cd81fd38eb/);
  });

  test("match in every normal form of Unicode", async () => {
    const passwords = cheapPasswords();
    const stored = await passwords.hash("Ａne caf\u00e9 \ufb01lled");
    expect((await passwords.verify("Ane cafe\u0301 filled", stored)).ok).toBe(true);
  });

  test("ask to be stored anew once the cost was raised, and match at the old cost until then", async () => {
    const old = await createPasswords({ randomBytes, cost: CHEAP }).hash(PASSWORD);
    const raised = createPasswords({ randomBytes, cost: { ln: 5, r: 1, p: 1 } });
    expect(await raised.verify(PASSWORD, old)).toEqual({ ok: true, outdated: true });
    expect(await raised.verify("wrong", old)).toEqual({ ok: false, outdated: false });
  });

  test.each([
    null,
    "",
    "plain text",
    "$scrypt$ln=4,r=1,p=1$$",
    "$scrypt$ln=31,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "$argon2id$v=19$m=65536,t=2,p=1$AAAA$AAAA",
  ])("that are none (%j) match nothing, and take as much work", async (stored) => {
    const passwords = cheapPasswords();
    expect(await passwords.verify("", stored)).toEqual({ ok: false, outdated: false });
    expect(passwords.derivations).toBe(1);
  });

  test("are derived two at once; so many wait, and the rest is told to come again", async () => {
    const started: (() => void)[] = [];
    let most = 0;
    let running = 0;
    const derive: Derive = async (...given) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => void started.push(resolve));
      running -= 1;
      return deriveScrypt(...given);
    };
    const passwords = createPasswords({ randomBytes, cost: CHEAP, derive, queue: 3 });
    const all = Array.from({ length: 8 }, () => passwords.verify(PASSWORD, null));
    const settled = Promise.allSettled(all);
    for (let done = 0; done < 5; done += 1) {
      while (started.length === 0) await new Promise(setImmediate);
      started.shift()?.();
    }
    const results = await settled;
    expect(results.map(({ status }) => status)).toEqual([
      ...Array.from({ length: 5 }, () => "fulfilled"),
      ...Array.from({ length: 3 }, () => "rejected"),
    ]);
    for (const result of results.slice(5)) expect(result).toHaveProperty("reason", expect.any(PasswordsBusy));
    expect(most).toBe(2);
    // A place comes free again, also where a derivation fails.
    const more = passwords.verify(PASSWORD, null);
    while (started.length === 0) await new Promise(setImmediate);
    started.shift()?.();
    expect((await more).ok).toBe(false);
  });
});

describe("a chosen password", () => {
  test.each<[string, RegExp]>([
    ["a fine long password", /^will do$/],
    ["x7!kQ9#mVb2$", /^will do$/],
    ["ünïcödé wörds", /^will do$/],
    ["            x", /^will do$/],
    ["elevenchars", /shorter than 12/],
    ["😀😀😀😀😀😀😀😀😀😀😀", /shorter than 12/],
    ["x".repeat(257), /longer than 256/],
    ["mara.lind@example.com", /is the email/],
    ["MARA.LIND@example.com", /is the email/],
    ["passwordpassword", /commonest/],
    ["Password1234", /commonest/],
    ["aaaaaaaaaaaa", /commonest/],
    ["abcabcabcabcabc", /commonest/],
    ["123456789012", /commonest/],
    ["qwertyuiopas", /commonest/],
    ["ｐａｓｓｗｏｒｄ１２３４", /commonest/],
  ])("%s", (password, problem) => {
    const found = passwordProblem(password, "mara.lind@example.com");
    expect(found ?? "will do").toMatch(problem);
  });

  test("is not the name in the email", () => {
    expect(passwordProblem("mara.elisabeth.lind", "mara.elisabeth.lind@example.com")).toMatch(/is the email/);
  });
});

async function setUp(passwords = cheapPasswords()) {
  const stage = await startStage();
  const person = await stage.add();
  const { clock, people, store } = stage;
  const throttle = createThrottle({ counters: store.counters, clock });
  const csrf = createCsrf({ keys: ["k".repeat(32)] });
  const signin = createPasswordSignin({ people, passwords, throttle, csrf, clock, randomBytes });
  const attempt = (password = PASSWORD) =>
    signin.attempt({ email: person.email, password, address: "192.0.2.1", device: null });
  return { stage, person, attempt };
}

describe("sign-in by password", () => {
  test("stores the password anew where its cost was raised", async () => {
    const passwords = createPasswords({ randomBytes, cost: { ln: 5, r: 1, p: 1 } });
    const { stage, person, attempt } = await setUp({ ...passwords, derivations: 0 });
    expect(await attempt()).toMatchObject({ kind: "signed_in" });
    const after = await stage.people.get(person.id);
    expect(after?.password).toMatch(/^\$scrypt\$ln=5,/);
    expect(await attempt()).toMatchObject({ kind: "signed_in" });
  });

  test.each(["setPassword", "disable"] as const)("fails where %s comes in between check and record", async (act) => {
    const gate = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const slow = cheapPasswords(async (...given) => {
      reached.resolve();
      await gate.promise;
      return deriveScrypt(...given);
    });
    const { stage, person, attempt } = await setUp(slow);
    const outcome = attempt();
    await reached.promise;
    const { people } = stage.signin;
    await (act === "disable" ? people.disable(person.id) : people.setPassword(person.id, "another fine password"));
    gate.resolve();
    expect(await outcome).toMatchObject({ kind: "refused" });
  });

  test("says to come again where too many are checked, and counts nothing", async () => {
    const busy = {
      derivations: 0,
      hash: () => Promise.reject(new PasswordsBusy()),
      verify: () => Promise.reject(new PasswordsBusy()),
    };
    const { attempt } = await setUp(busy);
    for (let at = 0; at < 30; at += 1) expect(await attempt()).toMatchObject({ kind: "wait", reason: "busy" });
  });
});
