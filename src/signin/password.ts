import { scrypt, timingSafeEqual } from "node:crypto";
import type { RandomBytes } from "../credentials/key-format.ts";
import { createLookupGate } from "../credentials/lookup-gate.ts";
import { isCommonPassword } from "./common-passwords.ts";

/** Cost of scrypt (RFC 7914): N = 2^ln, block size r, parallelism p. */
export interface ScryptCost {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

/** Derives `length` bytes. */
export type Derive = (password: string, salt: Uint8Array, cost: ScryptCost, length: number) => Promise<Buffer>;

/** Passwords as they are stored: PHC strings of scrypt. At most two are derived at once, so that nothing else stalls. */
export interface Passwords {
  /** The form to store. Rejects with `PasswordsBusy`. */
  hash(password: string): Promise<string>;
  /**
   * Compares in constant time. Without a stored form it does the same work and says no, so that an unknown account
   * takes as long as a known one. `outdated` asks to store the password anew: its cost was raised. Rejects with
   * `PasswordsBusy`.
   */
  verify(password: string, stored: string | null): Promise<{ readonly ok: boolean; readonly outdated: boolean }>;
}

/** Too many passwords wait to be derived. Nothing was checked; try again in a moment. */
export class PasswordsBusy extends Error {
  constructor() {
    super("too many passwords are being checked");
    this.name = "PasswordsBusy";
  }
}

export interface PasswordsOptions {
  readonly randomBytes: RandomBytes;
  /** `OWASP_COST` where not given. */
  readonly cost?: ScryptCost;
  /** scrypt of Node where not given. */
  readonly derive?: Derive;
  /** How many may wait for one of the two places; 16 where not given. */
  readonly queue?: number;
}

/**
 * One of the settings that OWASP's password storage cheat sheet holds equal. 32 MiB each, where N = 2^17 would take
 * 128 MiB: a sidecar shares its memory.
 */
export const OWASP_COST: ScryptCost = { ln: 15, r: 8, p: 3 };
const AT_ONCE = 2;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** See `Passwords`. */
export function createPasswords(options: PasswordsOptions): Passwords {
  const { randomBytes, cost = OWASP_COST, derive = deriveScrypt } = options;
  const gate = createLookupGate({ concurrent: AT_ONCE, queued: options.queue ?? 16 });
  const nobody: StoredPassword = { cost, salt: randomBytes(SALT_BYTES), hash: Buffer.alloc(HASH_BYTES) };

  async function inTurn(work: () => Promise<Buffer>): Promise<Buffer> {
    if (!(await gate.enter())) throw new PasswordsBusy();
    try {
      return await work();
    } finally {
      gate.leave();
    }
  }

  return {
    async hash(password) {
      const salt = randomBytes(SALT_BYTES);
      const hash = await inTurn(() => derive(normalized(password), salt, cost, HASH_BYTES));
      return `$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$${base64(salt)}$${base64(hash)}`;
    },
    async verify(password, stored) {
      const known = stored === null ? null : parsePhc(stored);
      const { salt, hash, cost: held } = known ?? nobody;
      const derived = await inTurn(() => derive(normalized(password), salt, held, hash.length));
      const ok = timingSafeEqual(derived, hash) && known !== null;
      return { ok, outdated: ok && (held.ln !== cost.ln || held.r !== cost.r || held.p !== cost.p) };
    },
  };
}

/** Fewest and most characters of a password. Only what is set is bound by them, not what is tried. */
export const PASSWORD_LENGTH = { min: 12, max: 256 } as const;

/** What is wrong with a password that somebody chose, for the person with that email; `null` where it will do. */
export function passwordProblem(password: string, email: string): string | null {
  const text = normalized(password);
  const length = Array.from(text).length;
  if (length < PASSWORD_LENGTH.min) return `the password is shorter than ${PASSWORD_LENGTH.min} characters`;
  if (length > PASSWORD_LENGTH.max) return `the password is longer than ${PASSWORD_LENGTH.max} characters`;
  const lower = text.toLowerCase();
  if (lower === email || lower === email.slice(0, email.lastIndexOf("@"))) return "the password is the email";
  return isCommonPassword(text) ? "the password is one of the commonest" : null;
}

/** NFKC, as NIST SP 800-63B asks: the same characters typed on another keyboard are the same password. */
function normalized(password: string): string {
  return password.normalize("NFKC");
}

interface StoredPassword {
  readonly cost: ScryptCost;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

const PHC = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{16,64})\$([A-Za-z0-9+/]{43})$/;

/** `null` for what is no PHC string of scrypt, or one whose cost would take more than the process can give. */
function parsePhc(text: string): StoredPassword | null {
  const match = PHC.exec(text);
  if (match === null) return null;
  const [, ln, r, p, salt = "", hash = ""] = match;
  const cost = { ln: Number(ln), r: Number(r), p: Number(p) };
  if (cost.ln < 1 || cost.ln > 20 || cost.r < 1 || cost.r > 16 || cost.p < 1 || cost.p > 16) return null;
  return { cost, salt: Buffer.from(salt, "base64"), hash: Buffer.from(hash, "base64") };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replace(/=+$/, "");
}

/** scrypt (RFC 7914) on a thread of its own. */
export function deriveScrypt(password: string, salt: Uint8Array, cost: ScryptCost, length: number): Promise<Buffer> {
  const N = 2 ** cost.ln;
  // What scrypt needs is 128 N r bytes and a little; Node's own bound is 32 MiB.
  const maxmem = 128 * N * cost.r + 128 * cost.r * cost.p + 1024 * 1024;
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  scrypt(password, salt, length, { N, r: cost.r, p: cost.p, maxmem }, (error, key) => {
    if (error === null) resolve(key);
    else reject(error);
  });
  return promise;
}
