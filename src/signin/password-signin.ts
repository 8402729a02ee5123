import { hash } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import type { RandomBytes } from "../credentials/key-format.ts";
import type { People, PersonRecord } from "../store/people.ts";
import { rewrite } from "../store/typed-document.ts";
import type { Csrf } from "../web/csrf.ts";
import { type Passwords, PasswordsBusy } from "./password.ts";
import { normalizedEmail } from "./person-fields.ts";
import type { Throttle } from "./throttle.ts";

/** What somebody sent to sign in. */
export interface PasswordAttempt {
  readonly email: string;
  readonly password: string;
  readonly address: string;
  /** The device cookie that the browser came with. */
  readonly device: string | null;
}

export type PasswordOutcome =
  | {
      readonly kind: "signed_in";
      readonly person: PersonRecord;
      /** For the device cookie. */
      readonly device: string;
    }
  /** `reason` is for the audit: the page says the same of all. */
  | {
      readonly kind: "refused";
      readonly reason: "unknown_account" | "wrong_password" | "disabled";
      readonly person: PersonRecord | null;
    }
  | { readonly kind: "wait"; readonly reason: "throttled" | "busy"; readonly waitMs: number; readonly detail: string };

/** Sign-in with a local account. Rejects with `StoreUnavailable` where the store does not answer. */
export interface PasswordSignin {
  /** One derivation for each attempt that is checked at all, whatever comes of it. */
  attempt(attempt: PasswordAttempt): Promise<PasswordOutcome>;
}

export interface PasswordSigninOptions {
  readonly people: People;
  readonly passwords: Passwords;
  readonly throttle: Throttle;
  /** Signs device cookies. */
  readonly csrf: Csrf;
  readonly clock: Pick<Clock, "now">;
  readonly randomBytes: RandomBytes;
}

const BUSY_MS = 2000;
const DEVICE = /^([\w-]{22})\.([\w-]{64})$/;

/** See `PasswordSignin`. */
export function createPasswordSignin(options: PasswordSigninOptions): PasswordSignin {
  const { people, passwords, throttle, csrf, randomBytes } = options;

  /** Id of a browser that has signed in to the account as it is now; of no account, none. */
  function knownDevice(person: PersonRecord | null, cookie: string | null): string | null {
    const [, id = "", signature = ""] = DEVICE.exec(cookie ?? "") ?? [];
    return csrf.check(deviceBinding(person, id), signature) ? id : null;
  }

  return {
    async attempt({ email: typed, password, address, device: cookie }) {
      const email = normalizedEmail(typed);
      // What is no email is counted and checked all the same, as an account that nobody has.
      const account = email ?? typed.trim().toLowerCase();
      const person = email === null ? null : await people.findByEmail(email);
      const device = knownDevice(person, cookie);
      const admission = await throttle.admit({ email: account, address, device });
      if (admission.kind === "wait") {
        return { kind: "wait", reason: "throttled", waitMs: admission.waitMs, detail: `by ${admission.by}` };
      }
      const { attempt } = admission;
      try {
        const { ok, outdated } = await passwords.verify(password, person?.password ?? null);
        const current = ok && person !== null ? await recordSignIn(person, outdated ? password : null, options) : null;
        if (current === null || current.disabledAt !== null) {
          await attempt.failed();
          const reason = person === null ? "unknown_account" : current === null ? "wrong_password" : "disabled";
          return { kind: "refused", reason, person };
        }
        await attempt.succeeded();
        const id = device ?? Buffer.from(randomBytes(16)).toString("base64url");
        const signature = csrf.token(deviceBinding(current, id));
        return { kind: "signed_in", person: current, device: `${id}.${signature}` };
      } catch (error) {
        attempt.abandoned();
        if (error instanceof PasswordsBusy) return { kind: "wait", reason: "busy", waitMs: BUSY_MS, detail: "" };
        throw error;
      }
    },
  };
}

/**
 * Writes when the person signed in and, where its cost was raised, the password anew. Returns the record as it is then;
 * `null` where the password was changed while it was being checked. One who is disabled is returned and not written.
 */
async function recordSignIn(
  person: PersonRecord,
  rehash: string | null,
  { people, passwords, clock }: PasswordSigninOptions,
): Promise<PersonRecord | null> {
  const password = rehash === null ? person.password : await passwords.hash(rehash).catch(keepWhereBusy(person));
  const { before, written } = await rewrite(
    () => people.get(person.id),
    (now) => {
      if (now === null || now.password !== person.password || now.disabledAt !== null) return null;
      return { ...now, password, lastSignInAt: clock.now() };
    },
    (next) => people.update(next),
  );
  return written ?? (before?.password === person.password ? before : null);
}

/** There is another time to raise the cost. */
function keepWhereBusy(person: PersonRecord): (error: unknown) => string | null {
  return (error) => {
    if (error instanceof PasswordsBusy) return person.password;
    throw error;
  };
}

/**
 * What the signature of a device's cookie speaks for: the account, with its password and since it was last enabled.
 * Another password or a disable makes it void. For nobody, and for who is disabled, it takes the same work, and nothing
 * was ever signed. A digest, because an email may hold anything.
 */
function deviceBinding(person: PersonRecord | null, id: string): string {
  if (id === "") return "";
  const active = person?.disabledAt === null ? person : null;
  const account = JSON.stringify([active?.email, active?.password, active?.enabledAt]);
  return `device ${id} ${hash("sha256", account, "hex")}`;
}
