import { randomUUID } from "node:crypto";

/** The table of scopes of the product document, with the names of the requests that a key of the scope alone may do. */
export const SCOPES = [
  {
    scope: "tickets:read",
    words: "Read ticket details, comments, and attachments",
    allows: ["read a ticket", "read its comments", "read an attachment"],
  },
  {
    scope: "tickets:write",
    words: "Create and update tickets, add comments",
    allows: ["create a ticket", "update it", "add a comment"],
  },
  {
    scope: "workflows:*",
    words: "Trigger and manage AI workflows",
    allows: ["list the workflows", "trigger a workflow"],
  },
  { scope: "portals:read", words: "Read portal configuration and user lists", allows: ["read a portal"] },
  { scope: "portals:write", words: "Update portal settings", allows: ["update a portal"] },
  { scope: "users:read", words: "Read user profiles and roles", allows: ["read the users"] },
  { scope: "users:write", words: "Invite users and update roles", allows: ["invite a user"] },
] as const;

const PORTAL = "/api/portals/acme";
interface ToSend {
  readonly path: string;
  readonly method?: string;
  readonly body?: object;
}

/** Requests for the service of the demo, by what they do. */
const requests = (): Readonly<Record<string, ToSend>> => ({
  "read a ticket": { path: `${PORTAL}/tickets/1001` },
  "read its comments": { path: `${PORTAL}/tickets/1001/comments` },
  "read an attachment": { path: `${PORTAL}/tickets/1001/attachments/log.txt` },
  "create a ticket": { path: `${PORTAL}/tickets`, method: "POST", body: { subject: "Printer" } },
  "update it": { path: `${PORTAL}/tickets/1001`, method: "PATCH", body: { priority: "high" } },
  "add a comment": { path: `${PORTAL}/tickets/1001/comments`, method: "POST", body: { body: "Seen." } },
  "list the workflows": { path: `${PORTAL}/workflows` },
  "trigger a workflow": { path: `${PORTAL}/workflows/escalate/runs`, method: "POST", body: {} },
  "read a portal": { path: PORTAL },
  "update a portal": { path: PORTAL, method: "PATCH", body: { plan: "team" } },
  "read the users": { path: `${PORTAL}/users` },
  "invite a user": { path: `${PORTAL}/users`, method: "POST", body: { email: `${randomUUID()}@example.com` } },
});

/** Names of the requests that pass with a key, in the order of the table; rejects where another is not refused by 403. */
export async function allowedWith(sidecar: { readonly url: string }, key: string): Promise<readonly string[]> {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const passed: string[] = [];
  for (const [name, { path, method = "GET", body }] of Object.entries(requests())) {
    const init = { method, headers, body: body === undefined ? null : JSON.stringify(body) };
    const { status } = await fetch(`${sidecar.url}${path}`, init);
    if (status >= 200 && status < 300) passed.push(name);
    else if (status !== 403) throw new Error(`to ${name} was answered with ${status}`);
  }
  return passed;
}
