import type { Config } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import { createAccessTokenSource } from "../credentials/access-token.ts";
import { createApiKeySource } from "../credentials/api-key.ts";
import { type Authenticator, createAuthenticator } from "../credentials/authenticate.ts";
import { createDigester, type Digester } from "../credentials/digest.ts";
import { createLastUsed } from "../credentials/last-used.ts";
import { OpenStreams } from "../proxy/open-streams.ts";
import { createCredentialCache } from "../store/cache.ts";
import type { Store } from "../store/types.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Closers } from "./closers.ts";
import { createRecords, type Records } from "./records.ts";
import { pepperFor } from "./secrets.ts";

export interface CredentialDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Our origin, for the audience of tokens; asked at each look-up. */
  readonly issuer: () => string;
}

/** All that tells who a caller is. */
export interface WiredCredentials {
  readonly authenticator: Authenticator;
  readonly open: OpenStreams;
  readonly digester: Digester;
  readonly records: Records;
}

/** Wires the cache and what is open, both fed by the change log, between the store and the authenticator. */
export async function wireCredentials(
  config: Config,
  { clock, issuer, metrics, store }: CredentialDeps,
  closers: Closers,
): Promise<WiredCredentials> {
  const records = createRecords(store.documents);
  const digester = createDigester({ pepper: pepperFor(config) });
  const keys = createApiKeySource({ keys: store.keys, settings: records.settings });
  const tokens = createAccessTokenSource({ documents: store.documents, ...records, issuer });
  const cache = createCredentialCache({
    maxEntries: config.cache.max_entries,
    ttlMs: config.cache.ttl,
    negativeTtlMs: config.cache.negative_ttl,
    random: Math.random,
    clock,
  });
  const open = new OpenStreams({
    keys,
    tokens,
    clock,
    // The lease is not renewed before the streams of a change are looked at, so that takes a part of it.
    limitMs: config.revocation.lease / 2,
    trustedMs: () => store.changes.state().leaseLeftMs ?? Infinity,
    metrics,
  });
  closers.add(async () => open.close());
  const unfollow = await store.changes.follow((tags) => {
    const start = clock.monotonic();
    cache.apply(tags);
    const looking = open.apply(tags);
    const done = (): void => metrics.revocationApplied(clock.monotonic() - start);
    if (looking === undefined) done();
    return looking?.finally(done);
  });
  closers.add(unfollow);
  const uses = createLastUsed({ keys: store.keys });
  closers.add(() => uses.close());
  const authenticator = createAuthenticator({
    keys,
    tokens: config.oauth.enabled ? tokens : null,
    changes: store.changes,
    cache,
    digester,
    clock,
    uses,
    metrics,
  });
  return { authenticator, open, digester, records };
}
