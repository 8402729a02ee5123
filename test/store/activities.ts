import type { Activity } from "../../src/core/activity.ts";

/** When the activities of tests begin. */
export const ACTIVITY_AT = 1_700_000_000_000;

/** An allowed request of a key. */
export function activity(changes: Partial<Activity> = {}): Activity {
  return {
    at: ACTIVITY_AT,
    event: "request",
    decision: "allow",
    reason: "allowed",
    detail: null,
    action: null,
    target: null,
    subject: "anna@example.com",
    credential: "key_0123456789abcdefghij",
    credentialKind: "api_key",
    client: null,
    route: "tickets.read",
    method: "GET",
    host: "desk.example.com",
    path: "/api/portals/acme/tickets",
    status: 200,
    portal: "acme",
    portalAllowed: null,
    scopesHeld: "tickets:read",
    mcp: null,
    requestId: "r-1",
    clientIp: "192.0.2.1",
    before: null,
    after: null,
    instance: "i-1",
    count: 1,
    ...changes,
  };
}
