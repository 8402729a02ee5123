import { randomBytes } from "node:crypto";
import { createKey } from "../credentials/key-format.ts";
import type { DemoStage } from "./demo-stage.ts";

/** One request of the tour that is answered at once. */
export interface PlainStop {
  readonly title: string;
  readonly method: string;
  readonly target: string;
  readonly expected: string;
  /** Name and key. */
  readonly key?: readonly [name: string, key: string];
  readonly body?: unknown;
}

const TICKETS = "/api/portals/acme/tickets";
const ESCAPE = `${TICKETS}/%2E%2E/%2E%2E/globex/tickets`;
const OTHER_PORTAL = "/api/search?q=bug&portal_id=globex";
const TWO_PORTALS = "/api/search?q=bug&portal_id=acme&portal_id=globex";
const RUNS = "/api/portals/acme/workflows/escalate/runs";
const TICKET = { subject: "Tour: the printer is on fire" };

/** The requests of the tour, in order. */
export function plainStops({ keys }: DemoStage): readonly PlainStop[] {
  const reader = ["reader", keys.reader.key] as const;
  const writer = ["writer", keys.writer.key] as const;
  const acme = ["acme", keys.acme.key] as const;
  const workflows = ["workflows", keys.workflows.key] as const;
  const revoked = ["revoked", keys.revoked.key] as const;
  const unknown = ["never issued", createKey(randomBytes)] as const;
  return [
    get("A public route", "/status", "200"),
    get("Without a key", TICKETS, "401 credential_missing"),
    get("A key that may read", TICKETS, "200", reader),
    { ...post("The same key may not write", TICKETS, "403 insufficient_scope", TICKET), key: reader },
    { ...post("A key that may write", TICKETS, "201", TICKET), key: writer },
    get("A key for one portal, there", TICKETS, "200", acme),
    get("The same key at another portal", "/api/portals/globex/tickets", "403 portal_forbidden", acme),
    get("Another portal named in the query", OTHER_PORTAL, "403 portal_forbidden", acme),
    get("Two portals named at once", TWO_PORTALS, "400 ambiguous_portal", acme),
    get("Out of the portal by dots", ESCAPE, "400 bad_request", acme),
    { ...post("workflows:* covers workflows:run", RUNS, "202", {}), key: workflows },
    get("A revoked key", TICKETS, "401 credential_invalid", revoked),
    get("A key that was never issued", TICKETS, "401 credential_invalid", unknown),
    get("A key in the query string", `${TICKETS}?api_key=sample`, "400 ambiguous_credential"),
    get("No such route", "/internal/debug", "404 no_route", reader),
    { title: "A known path, another method", method: "DELETE", target: "/status", expected: "405 method_not_allowed" },
  ];
}

function get(title: string, target: string, expected: string, key?: PlainStop["key"]): PlainStop {
  const stop = { title, method: "GET", target, expected };
  return key === undefined ? stop : { ...stop, key };
}

function post(title: string, target: string, expected: string, body: unknown): PlainStop {
  return { title, method: "POST", target, expected, body };
}
