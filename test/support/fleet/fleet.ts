import { randomBytes } from "node:crypto";
import { afterAll } from "vitest";
import { systemClock } from "../../../src/core/clock.ts";
import { isScope, type Scope } from "../../../src/core/ids.ts";
import { createDigester } from "../../../src/credentials/digest.ts";
import { createKeyService, type KeyService } from "../../../src/credentials/key-service.ts";
import { openStore } from "../../../src/store/open.ts";
import type { Store } from "../../../src/store/types.ts";
import { install, type Sidecar } from "../../e2e/support.ts";
import { stop } from "../processes.ts";
import { startRelay, type TcpRelay } from "../tcp-relay.ts";

/** One of several sidecars before one service. */
export interface Instance {
  readonly name: string;
  readonly sidecar: Sidecar;
  /** Its own, to the store; `null` where it has the URL of a group. */
  readonly relay: TcpRelay | null;
  readonly auditFile: string;
}

/** Sidecars on one Redis, and the store in the hands of the test, as the command line has it. */
export interface Fleet {
  readonly instances: readonly Instance[];
  readonly store: Store;
  readonly keys: KeyService;
}

export interface FleetOptions {
  readonly size: number;
  /** Port of the Redis that all use by relays, or the URL of a group that they use straight; so does the test. */
  readonly redis: number | string;
  readonly rules: string;
  readonly leaseMs: number;
}

const READ = "tickets:read";
const SCOPES = new Map<Scope, string>(isScope(READ) ? [[READ, "Read tickets"]] : []);

/** Starts them. They end with the test file. */
export async function startFleet({ size, redis, rules, leaseMs }: FleetOptions): Promise<Fleet> {
  const pepper = randomBytes(32).toString("base64url");
  const instances = await Promise.all(
    Array.from({ length: size }, async (_, index): Promise<Instance> => {
      const relay = typeof redis === "number" ? await startRelay(redis) : null;
      const at = install({
        rules,
        store: relay === null ? urlOf(redis) : urlOf(relay.port),
        pepper,
        more: `revocation: { lease: ${leaseMs}ms }\noauth: { enabled: false }`,
      });
      const sidecar = await at.serve();
      afterAll(async () => {
        sidecar.process.child.kill("SIGCONT");
        await stop(sidecar.process);
      });
      return { name: `desk-${index + 1}`, sidecar, relay, auditFile: at.auditFile };
    }),
  );
  const store = openStore(urlOf(redis), { clock: systemClock, leaseMs });
  afterAll(() => store.close());
  const digester = createDigester({ pepper });
  const keys = createKeyService({ keys: store.keys, digester, clock: systemClock, randomBytes, scopes: SCOPES });
  return { instances, store, keys };
}

function urlOf(redis: number | string): string {
  return typeof redis === "number" ? `redis://127.0.0.1:${redis}` : redis;
}
