import type { FastifyInstance } from "fastify";
import { within } from "../core/within.ts";
import type { Log } from "../telemetry/log.ts";

/** Whether this instance may take traffic, and what stands against it. */
export interface Readiness {
  readonly ready: boolean;
  /** Short texts for operators; no secrets. */
  readonly reasons: readonly string[];
}

const READINESS_TIMEOUT_MS = 2000;
const TOO_LONG: Readiness = { ready: false, reasons: ["the readiness check took too long"] };

/** `/healthz`: the process is alive. `/readyz`: it may take traffic; 503 with the reasons where not. */
export async function healthRoutes(
  app: FastifyInstance,
  { readiness, log }: { readonly readiness: () => Promise<Readiness> | Readiness; readonly log: Log },
): Promise<void> {
  app.get("/healthz", async () => ({ status: "alive" }));
  app.get("/readyz", async (_request, reply) => {
    const { ready, reasons } = await check(readiness, log);
    return reply.code(ready ? 200 : 503).send({ ready, reasons });
  });
}

/** A check that fails or hangs says: not ready. */
async function check(readiness: () => Promise<Readiness> | Readiness, log: Log): Promise<Readiness> {
  try {
    return await within(READINESS_TIMEOUT_MS, Promise.resolve(readiness()), () => TOO_LONG);
  } catch (error) {
    log.error({ err: error }, "readiness check failed");
    return { ready: false, reasons: ["the readiness check failed"] };
  }
}
