import type { CredentialId } from "../core/ids.ts";
import type { CachedCredential } from "../store/cache.ts";
import type { KeyStore } from "../store/types.ts";

export interface LastUsed {
  /** Notes a use of an API key; of a token nothing is kept. Nearly always one comparison of numbers. `now` is wall clock ms. */
  note(entry: CachedCredential, now: number): void;
  /** Writes what is noted. A failed batch is kept for the next time; never rejects. */
  flush(): Promise<void>;
  /** Stops the timer and writes what is noted. */
  close(): Promise<void>;
}

interface LastUsedOptions {
  readonly keys: Pick<KeyStore, "touch">;
  /** A key is written about once in this time, however often it is used. */
  readonly intervalMs?: number;
}

/** Uses that wait for a store that is out of reach; later ones are not recorded until it is back. */
const MAX_PENDING = 100_000;
/** A first use shows up in lists after this time at the latest. */
const MAX_FLUSH_MS = 10_000;

/** Records when keys were last used: noted at most once per key and interval, written in batches. */
export function createLastUsed({ keys, intervalMs = 60_000 }: LastUsedOptions): LastUsed {
  let pending = new Map<CredentialId, number>();
  let writing: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    if (pending.size === 0) return;
    const batch = pending;
    pending = new Map();
    try {
      await keys.touch(batch);
    } catch {
      // The store counts and reports its own failures. A later use of the same key wins over the kept one.
      for (const [id, at] of batch) {
        if (pending.size >= MAX_PENDING) break;
        if (!pending.has(id)) pending.set(id, at);
      }
    }
  }

  function flush(): Promise<void> {
    writing = writing.then(write);
    return writing;
  }

  const timer = setInterval(() => void flush(), Math.min(intervalMs, MAX_FLUSH_MS));
  timer.unref();

  return {
    note(entry, now) {
      if (now < entry.nextUseAt) return;
      const { credentialId: id, kind } = entry.accepted.principal;
      entry.nextUseAt = kind === "api_key" ? now + intervalMs : Infinity;
      if (kind !== "api_key") return;
      if (pending.size < MAX_PENDING || pending.has(id)) pending.set(id, now);
    },
    flush,
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}
