import { hkdfSync } from "node:crypto";
import type { Config } from "../config/config.ts";
import { sqliteFile } from "../store/open.ts";
import { embeddedSecrets } from "../store/secrets.ts";

/**
 * The pepper of the digests: from the configuration, or, on the embedded store, made once and kept
 * beside the database. Throws where there is none, or its file may be read by others.
 */
export function pepperFor(config: Config): string {
  if (config.secrets.pepper !== undefined) return config.secrets.pepper;
  const file = sqliteFile(config.store.url);
  if (file === null) throw new Error("a Redis store needs `secrets.pepper`");
  return embeddedSecrets(file).pepper;
}

/**
 * Keys that sign cookies and forms, newest first: from the configuration, or kept beside the embedded database, or
 * made from the pepper, so that all instances have the same. Throws as `pepperFor` does.
 */
export function cookieKeysFor(config: Config): readonly string[] {
  if (config.secrets.cookies !== undefined) return config.secrets.cookies;
  const file = config.secrets.pepper === undefined ? sqliteFile(config.store.url) : null;
  if (file !== null) return embeddedSecrets(file).cookies;
  return [derived(config, "portcullis cookies").toString("base64url")];
}

/** Seed of the Ed25519 key that signs ID tokens, 32 bytes: the same on every instance. Throws as `pepperFor` does. */
export function signingSeedFor(config: Config): Buffer {
  return derived(config, "portcullis id token signing");
}

/** RFC 5869. The label keeps one use of the pepper from being another's. */
function derived(config: Config, label: string): Buffer {
  return Buffer.from(hkdfSync("sha256", pepperFor(config), "", label, 32));
}
