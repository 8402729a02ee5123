/**
 * `node bench/open-streams.ts`: what it costs a request to be kept by its credential while it is under way: `register`
 * and `leaveOpen`, with 10,000 credentials known. It may cost 150 ns at most. Each figure is the median of the rounds.
 */
import { randomBytes } from "node:crypto";
import { Socket } from "node:net";
import { systemClock } from "../src/core/clock.ts";
import { deny } from "../src/core/decision.ts";
import { isCredentialId, isDigest } from "../src/core/ids.ts";
import type { Accepted } from "../src/credentials/authenticate.ts";
import { ClientConnection } from "../src/proxy/client-connection.ts";
import { leaveOpen, OpenStreams } from "../src/proxy/open-streams.ts";
import { loadRules } from "../src/config/rules.ts";
import { compilePolicy } from "../src/policy/compile.ts";
import { Exchange, type ExchangeStart } from "../src/proxy/exchange.ts";
import type { CollectedBody } from "../src/proxy/request-body.ts";
import { unreadHead } from "../src/proxy/request-reader.ts";
import { TrustedProxies } from "../src/proxy/trusted-proxies.ts";
import { spread } from "./stats.ts";

const ROUNDS = 101;
const WARM_UP = 10;
const OPERATIONS = 20_000;
const CREDENTIALS = 10_000;
const LIMIT_NANOS = 150;

/** What the line adds to a request that begins and ends, and nothing else of it. */
class BareExchange extends Exchange {
  readonly over = false;
  readBody = (): Promise<CollectedBody> => Promise.resolve({ kind: "client_gone" });
  serveOwn = (): boolean => false;
  takeBack = (): "taken" => "taken";
  awaitsBody = (): boolean => false;
  awaitsClient = (): boolean => false;
  answer = (): void => undefined;
  forward = (): void => undefined;
  cut = (): void => undefined;
  abandoned = (): void => undefined;
  malformed = (): void => undefined;
}

const start = await exchangeStart();
const never = { find: () => Promise.reject(new Error("nothing changes here")) };
const open = new OpenStreams({
  keys: never,
  tokens: never,
  clock: systemClock,
  limitMs: 5000,
  trustedMs: () => Infinity,
  metrics: { streamClosed: () => undefined },
});
const known = Array.from({ length: CREDENTIALS }, () => accepted());
// One stream for each keeps it known, as streams do.
for (const each of known) open.register(new BareExchange(start), each);
const exchanges = Array.from({ length: OPERATIONS }, () => new BareExchange(start));
const figures = {
  "one credential, one request at a time": rounds(() => oneByOne(() => known[0])),
  "10,000 credentials by turns": rounds(() => oneByOne((turn) => known[turn % CREDENTIALS])),
  "one credential, 20,000 at once": rounds(allAtOnce),
};
open.close();
console.log("| requests | ns each |\n|---|---|");
for (const [name, nanos] of Object.entries(figures)) {
  const { max, median, min } = spread(nanos);
  console.log(`| ${name} | ${median.toFixed(0)} (${min.toFixed(0)} to ${max.toFixed(0)}) |`);
  if (!(median <= LIMIT_NANOS)) process.exitCode = 1;
}
console.log(`\nat most ${LIMIT_NANOS} ns`);

function rounds(run: () => void): readonly number[] {
  const nanos: number[] = [];
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const begun = process.hrtime.bigint();
    run();
    const cost = Number(process.hrtime.bigint() - begun) / OPERATIONS;
    if (round >= 0) nanos.push(cost);
  }
  return nanos;
}

function oneByOne(credentialAt: (turn: number) => Accepted | undefined): void {
  for (let turn = 0; turn < OPERATIONS; turn++) {
    const exchange = exchanges[turn];
    const credential = credentialAt(turn);
    if (exchange === undefined || credential === undefined) throw new Error("the figure would mean nothing");
    open.register(exchange, credential);
    leaveOpen(exchange);
  }
}

function allAtOnce(): void {
  const [credential] = known;
  if (credential === undefined) throw new Error("the figure would mean nothing");
  for (const exchange of exchanges) open.register(exchange, credential);
  for (const exchange of exchanges) leaveOpen(exchange);
}

function accepted(): Accepted {
  const digest = randomBytes(32).toString("hex");
  const credentialId = `key_${digest.slice(0, 20)}`;
  if (!isDigest(digest) || !isCredentialId(credentialId)) throw new Error("malformed");
  const scopes = new Set<never>();
  const principal = { kind: "api_key", credentialId, subject: "bench", scopes, portal: null, expiresAt: null } as const;
  return { ok: true, principal, digest, mcpAccess: true };
}

async function exchangeStart(): Promise<ExchangeStart> {
  const file = new URL("../config/demo.rules.yaml", import.meta.url).pathname;
  const rules = await loadRules(file, { DEMO_SERVICE: "http://127.0.0.1:9" });
  const policy = rules.ok ? compilePolicy(rules.value) : rules;
  if (!policy.ok) throw new Error("the rules of the demo are wrong");
  const connection = new ClientConnection(new Socket(), false, new TrustedProxies([]), () => undefined);
  const head = unreadHead(deny("bad_request"));
  return { head, connection, requestId: "bench", startedAt: 0, active: { policy: policy.value, routes: [] } };
}
