import { createHmac, hash } from "node:crypto";
import { type Digest, isDigest } from "../core/ids.ts";

export interface Digester {
  /** Key of the in-memory cache: plain SHA-256, which is fast. Never leaves the process. */
  cacheKey(secret: string): string;
  /** The form that is stored, 64 hex digits: HMAC-SHA-256 with the pepper where one is set, else SHA-256. */
  stored(secret: string): Digest;
}

/**
 * Digests of secrets. No salt and no slow hash is needed: a key has 178 random bits. The pepper keeps a
 * stolen store from being checked against keys found elsewhere.
 */
export function createDigester({ pepper }: { readonly pepper: string | null }): Digester {
  if (pepper === "") throw new Error("the pepper is empty");
  return {
    cacheKey: (secret) => hash("sha256", secret, "base64url"),
    stored(secret) {
      const hex =
        pepper === null ? hash("sha256", secret, "hex") : createHmac("sha256", pepper).update(secret).digest("hex");
      if (!isDigest(hex)) throw new Error("SHA-256 gave something that is no digest");
      return hex;
    },
  };
}
