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
