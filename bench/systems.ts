import { join } from "node:path";
import { PROXY_CORE, type Server, startServer } from "./child.ts";
import { startSidecar } from "./sidecar.ts";

/** One kind of request to one system. */
export interface Scenario {
  readonly name: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What the answer must be, or the figure means nothing. */
  readonly status: number;
  readonly bodyBytes?: number;
}

/** A system under test, up. */
export interface System {
  readonly name: string;
  readonly server: Server;
  readonly scenarios: readonly Scenario[];
  /** Asked once before timing, besides the scenarios. */
  readonly checks: readonly Scenario[];
}

export const SYSTEM_NAMES = ["portcullis", "http-proxy", "http-proxy-3", "floor"] as const;
export type SystemName = (typeof SYSTEM_NAMES)[number];

const SMALL = 512;
const LARGE = 64 * 1024;
const TICKET = "/api/portals/acme/tickets/4711";

/** Starts a system in front of the upstream. */
export async function startSystem(name: SystemName, upstream: string): Promise<System> {
  if (name === "portcullis") return portcullis(upstream);
  const server = await startServer(PROXY_CORE, [join(import.meta.dirname, "processes", `${name}.ts`), upstream]);
  // The same fields as the sidecar gets, so that all read as much.
  const headers = { authorization: `Bearer noice_sk_live_${"0".repeat(36)}` };
  const scenarios = [
    { name: "small", path: TICKET, headers, status: 200, bodyBytes: SMALL },
    { name: "large", path: `${TICKET}/large`, headers, status: 200, bodyBytes: LARGE },
  ];
  return { name, server, scenarios, checks: [] };
}

async function portcullis(upstream: string): Promise<System> {
  const server = await startSidecar(upstream);
  const { good, otherScope, otherPortal } = server.keys;
  const refusedPortal = { name: "refused-portal", path: TICKET, headers: bearer(otherPortal), status: 403 };
  return {
    name: "portcullis",
    server,
    scenarios: [
      { name: "small", path: TICKET, headers: bearer(good), status: 200, bodyBytes: SMALL },
      { name: "token", path: TICKET, headers: bearer(server.token), status: 200, bodyBytes: SMALL },
      { name: "large", path: `${TICKET}/large`, headers: bearer(good), status: 200, bodyBytes: LARGE },
      { name: "public", path: "/status/4711", headers: bearer(good), status: 200, bodyBytes: SMALL },
      { name: "refused-401", path: TICKET, headers: {}, status: 401 },
      { name: "refused-403", path: TICKET, headers: bearer(otherScope), status: 403 },
    ],
    checks: [refusedPortal],
  };
}

function bearer(key: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${key}` };
}
