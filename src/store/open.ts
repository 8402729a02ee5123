import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock } from "../core/clock.ts";
import type { StoreTlsFiles } from "./redis-client.ts";
import { openRedisStore } from "./redis.ts";
import { openSqliteStore } from "./sqlite.ts";
import type { Store, StoreLog } from "./types.ts";

export interface StoreDeps {
  readonly clock: Clock;
  readonly log?: StoreLog;
  /** See `RedisStoreOptions` and `SqliteStoreOptions`. */
  readonly instance?: string;
  readonly leaseMs?: number;
  readonly tls?: StoreTlsFiles | undefined;
}

/** The database file of a `sqlite:` URL (`sqlite:./data/x.db`, `sqlite:///data/x.db`), or `null` for another scheme. */
export function sqliteFile(url: string): string | null {
  if (!url.startsWith("sqlite:")) return null;
  if (url.startsWith("sqlite://")) return fileURLToPath(`file:${url.slice("sqlite:".length)}`);
  const path = url.slice("sqlite:".length);
  if (path === "" || path.startsWith(":")) throw new Error("the store URL names no file: sqlite:./data/portcullis.db");
  return resolve(path);
}

/** Opens the store that the URL names. Throws on an unknown scheme, without quoting the URL. */
export function openStore(url: string, deps: StoreDeps): Store {
  const file = sqliteFile(url);
  if (file !== null) return openSqliteStore({ file, ...deps });
  if (/^rediss?(?:\+sentinel|\+cluster)?:/.test(url)) {
    return openRedisStore({ url, ...deps });
  }
  throw new Error("the store URL must start with sqlite:, redis:, rediss:, redis+sentinel: or redis+cluster:");
}
