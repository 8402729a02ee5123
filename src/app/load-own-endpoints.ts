import type { Log } from "../telemetry/log.ts";
import type * as OwnEndpointsModule from "./own-endpoints.ts";

/**
 * Loads OAuth and sign-in, which the commands and a sidecar without OAuth do not need. What the library prints while
 * it is loaded (it knows of no release of Node newer than itself) goes to our log, not between our own lines.
 */
export async function loadOwnEndpoints(log: Pick<Log, "debug">): Promise<typeof OwnEndpointsModule> {
  /* oxlint-disable no-console -- it is what the library writes to */
  const { warn } = console;
  console.warn = (text: unknown) => log.debug({ printed: String(text) }, "said while it was loaded");
  try {
    return await import("./own-endpoints.ts");
  } finally {
    console.warn = warn;
  }
  /* oxlint-enable no-console */
}
