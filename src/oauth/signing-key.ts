import { createPrivateKey } from "node:crypto";
import type { JWK } from "oidc-provider";

/** An Ed25519 key in PKCS #8 up to its 32 bytes (RFC 8410, section 7). */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");

/** The key that signs ID tokens, made from its 32 bytes: the same ones give the same key. Throws on another length. */
export function signingKey(seed: Buffer): JWK {
  if (seed.length !== 32) throw new Error("the seed of the signing key needs 32 bytes");
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: "der", type: "pkcs8" });
  const { crv, d, kty, x } = key.export({ format: "jwk" });
  return { crv, d, kty, x, alg: "EdDSA", use: "sig" };
}
