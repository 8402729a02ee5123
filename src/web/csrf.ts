import { createHmac, randomBytes as systemRandomBytes, timingSafeEqual } from "node:crypto";

/** Tokens that prove that a form came from our own page. */
export interface Csrf {
  /** A token for one browser session, or whatever else `binding` names. Never the same twice. */
  token(binding: string): string;
  /** True where `token` was made for the same binding with one of the keys. */
  check(binding: string, token: unknown): boolean;
}

const SALT_BYTES = 16;
const MAC_BYTES = 32;
const TOKEN = /^[A-Za-z0-9_-]{64}$/;

/**
 * Makes and checks CSRF tokens: a random salt and HMAC-SHA-256 over salt and binding. The salt changes the whole token
 * with every page, so that compression of the answer leaks nothing of it (BREACH). The first key signs, all verify.
 * Throws without a key. An empty binding has no valid token.
 */
export function createCsrf(options: {
  readonly keys: readonly string[];
  readonly randomBytes?: (size: number) => Buffer;
}): Csrf {
  const { keys, randomBytes = systemRandomBytes } = options;
  const [newest] = keys;
  if (newest === undefined || keys.includes("")) throw new Error("a CSRF key is missing or empty");
  return {
    token(binding) {
      const salt = randomBytes(SALT_BYTES);
      return Buffer.concat([salt, macOf(newest, salt, binding)]).toString("base64url");
    },
    check(binding, token) {
      if (typeof token !== "string" || !TOKEN.test(token) || binding === "") return false;
      const bytes = Buffer.from(token, "base64url");
      const salt = bytes.subarray(0, SALT_BYTES);
      const mac = bytes.subarray(SALT_BYTES, SALT_BYTES + MAC_BYTES);
      let matches = false;
      // All keys are tried, so that the time does not tell which one fits.
      for (const key of keys) matches = timingSafeEqual(mac, macOf(key, salt, binding)) || matches;
      return matches;
    },
  };
}

/** The salt has a fixed length, so that salt and binding cannot run into one another. */
function macOf(key: string, salt: Buffer, binding: string): Buffer {
  return createHmac("sha256", key).update("portcullis csrf 1\n").update(salt).update(binding).digest();
}
