/**
 * `node bench/token-hit.ts`: what `authenticate` costs for a credential that is in the cache, an API key and an OAuth
 * access token. The token may cost 5 % more at most. Rounds are interleaved; each figure is the median of the rounds.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/core/clock.ts";
import { isClientId, isScope, type Scope } from "../src/core/ids.ts";
import { createAccessTokenSource } from "../src/credentials/access-token.ts";
import { createApiKeySource } from "../src/credentials/api-key.ts";
import { type Authenticator, createAuthenticator } from "../src/credentials/authenticate.ts";
import { createDigester } from "../src/credentials/digest.ts";
import { createKeyService } from "../src/credentials/key-service.ts";
import { createLastUsed } from "../src/credentials/last-used.ts";
import { createCredentialCache } from "../src/store/cache.ts";
import { createClients } from "../src/store/clients.ts";
import { createGrants } from "../src/store/grants.ts";
import { openStore } from "../src/store/open.ts";
import { createPeople } from "../src/store/people.ts";
import { createSettings } from "../src/store/settings.ts";
import type { Store } from "../src/store/types.ts";
import { createMetrics } from "../src/telemetry/metrics.ts";
import { median, spread, type Spread } from "./stats.ts";

const ROUNDS = 101;
const WARM_UP = 10;
const OPERATIONS = 20_000;
const LIMIT = 1.05;
const ISSUER = "https://desk.example.com";
const CLIENT = "client_bench000000000000000";

const folder = mkdtempSync(join(tmpdir(), "portcullis-bench-"));
const clock = systemClock;
const digester = createDigester({ pepper: "pepper-of-the-bench" });
const store = openStore(`sqlite:${join(folder, "portcullis.db")}`, { clock });
try {
  const authenticator = await makeAuthenticator();
  const secrets = { key: await issueKey(), token: await issueToken() };
  for (const secret of Object.values(secrets)) await authenticator.authenticate(secret, "bearer");
  const nanos = { key: [] as number[], token: [] as number[] };
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const order = round % 2 === 0 ? (["key", "token"] as const) : (["token", "key"] as const);
    for (const kind of order) {
      const cost = time(authenticator, secrets[kind]);
      if (round >= 0) nanos[kind].push(cost);
    }
  }
  console.log("| credential | ns for a hit |\n|---|---|");
  console.log(`| API key | ${text(spread(nanos.key))} |\n| access token | ${text(spread(nanos.token))} |`);
  const ratio = median(nanos.token.map((cost, round) => cost / (nanos.key[round] ?? Number.NaN)));
  console.log(`\ntoken ÷ key: ${ratio.toFixed(3)} (at most ${LIMIT})`);
  if (!(ratio <= LIMIT)) process.exitCode = 1;
} finally {
  await store.close();
  rmSync(folder, { recursive: true });
}

/** Nanoseconds for each hit, over one round. */
function time(authenticator: Authenticator, secret: string): number {
  const start = process.hrtime.bigint();
  for (let turn = 0; turn < OPERATIONS; turn++) {
    const answer = authenticator.authenticate(secret, "bearer");
    if (answer instanceof Promise || !answer.ok) throw new Error("not a hit; the figure would mean nothing");
  }
  return Number(process.hrtime.bigint() - start) / OPERATIONS;
}

async function makeAuthenticator(): Promise<Authenticator> {
  const { changes, documents, keys }: Store = store;
  const cache = createCredentialCache({ maxEntries: 1000, ttlMs: 3_600_000, negativeTtlMs: 5000, clock });
  await changes.follow((tags) => cache.apply(tags));
  const settings = createSettings(documents);
  const metrics = createMetrics({ version: "bench", instance: "bench" });
  return createAuthenticator({
    keys: createApiKeySource({ keys, settings }),
    tokens: createAccessTokenSource({
      documents,
      settings,
      grants: createGrants(documents),
      people: createPeople(documents),
      clients: createClients(documents),
      issuer: () => ISSUER,
    }),
    changes,
    cache,
    digester,
    clock,
    uses: createLastUsed({ keys }),
    metrics,
  });
}

async function issueKey(): Promise<string> {
  const catalogue = new Map<Scope, string>(["tickets:read"].filter(isScope).map((scope) => [scope, "bench"]));
  const service = createKeyService({ keys: store.keys, digester, clock, randomBytes, scopes: catalogue });
  const wish = { name: "bench", portal: null, expiresInMs: null, subject: "bench", createdBy: "bench" };
  return (await service.create({ ...wish, scopes: ["tickets:read"] })).key;
}

async function issueToken(): Promise<string> {
  if (!isClientId(CLIENT)) throw new Error("the id of the client is malformed");
  await createClients(store.documents).create({
    id: CLIENT,
    name: "bench",
    origin: "administrator",
    status: "approved",
    metadata: {},
    secretDigest: null,
    scopes: ["tickets:read"].filter(isScope),
    portal: null,
    createdAt: clock.now(),
    createdBy: "bench",
    decidedAt: null,
    decidedBy: null,
    expiresAt: null,
    tokensAfter: null,
  });
  const token = randomBytes(32).toString("base64url");
  const iat = Math.floor(clock.now() / 1000);
  const value = {
    kind: "ClientCredentials",
    clientId: CLIENT,
    scope: "tickets:read",
    aud: ISSUER,
    iat,
    exp: iat + 36_000,
  };
  const id = digester.stored(token);
  const groups = [`client:${CLIENT}`];
  await store.documents.insert({
    kind: "ClientCredentials",
    id,
    value,
    createdAt: clock.now(),
    expiresAt: null,
    lookups: [],
    groups,
  });
  return token;
}

function text({ median: middle, min, max }: Spread): string {
  return `${middle.toFixed(0)} (${min.toFixed(0)}–${max.toFixed(0)})`;
}
