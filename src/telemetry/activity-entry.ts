import type { Activity, PlainFields } from "../core/activity.ts";
import type { EventRecord, RequestRecord } from "./audit-record.ts";
import { jsonFields, MAX_FIELDS_BYTES } from "./json-fields.ts";
import { boundedText } from "./json-text.ts";

/** Longest value of each kind, in characters, as in audit lines; a path is shorter. */
const MAX = {
  id: 128,
  method: 32,
  path: 512,
  subject: 256,
  portal: 128,
  reason: 64,
  detail: 512,
  scopes: 1024,
} as const;

/** What a page shows of a request's line. Texts that a caller chose are redacted and cut, and may hold anything. */
export function activityOfRequest(record: RequestRecord, at: number, instance: string): Activity {
  const { event, decision, reason, principal, mcp = null } = record;
  return {
    at,
    event,
    decision,
    reason,
    detail: textOrNull(record.detail, MAX.detail),
    action: null,
    target: null,
    subject: textOrNull(principal?.subject, MAX.subject),
    credential: textOrNull(principal?.credentialId, MAX.id),
    credentialKind: textOrNull(principal?.kind, MAX.id),
    client: textOrNull(principal?.clientId, MAX.subject),
    route: textOrNull(record.routeId, MAX.id),
    method: boundedText(record.method, MAX.method),
    host: textOrNull(record.host, MAX.subject),
    path: boundedText(record.path, MAX.path),
    status: wholeOrNull(record.status),
    portal: textOrNull(record.portalNamed, MAX.portal),
    portalAllowed: textOrNull(principal?.portal, MAX.portal),
    scopesHeld: textOrNull(principal?.scopesText, MAX.scopes),
    mcp: mcp === null ? null : { method: boundedText(mcp.method, MAX.id), tool: textOrNull(mcp.tool, MAX.id) },
    requestId: boundedText(record.requestId, MAX.id),
    clientIp: boundedText(record.clientIp, MAX.id),
    before: null,
    after: null,
    instance,
    count: 1,
  };
}

/** The same of any other line. */
export function activityOfEvent(record: EventRecord, at: number, instance: string): Activity {
  return {
    ...NOTHING,
    at,
    event: record.event,
    decision: record.decision ?? "allow",
    reason: boundedText(record.reason ?? "ok", MAX.reason),
    detail: textOrNull(record.detail, MAX.detail),
    action: boundedText(record.action, MAX.id),
    target: textOrNull(record.target, MAX.id),
    subject: textOrNull(record.subject, MAX.subject),
    credential: textOrNull(record.credential, MAX.id),
    status: wholeOrNull(record.status),
    requestId: textOrNull(record.requestId, MAX.id),
    clientIp: textOrNull(record.clientIp, MAX.id),
    before: fieldsOrNull(record.before),
    after: fieldsOrNull(record.after),
    instance,
  };
}

/** Stands for refusals of one second that were too many to keep one by one. */
export function activityOfMany(event: Activity["event"], count: number, at: number, instance: string): Activity {
  const detail = `${count} more were refused in this second`;
  return { ...NOTHING, at, event, decision: "deny", reason: "more_refused", detail, instance, count };
}

const NOTHING = {
  detail: null,
  action: null,
  target: null,
  subject: null,
  credential: null,
  credentialKind: null,
  client: null,
  route: null,
  method: null,
  host: null,
  path: null,
  status: null,
  portal: null,
  portalAllowed: null,
  scopesHeld: null,
  mcp: null,
  requestId: null,
  clientIp: null,
  before: null,
  after: null,
  count: 1,
} as const;

function textOrNull(text: string | null | undefined, max: number): string | null {
  return text === null || text === undefined ? null : boundedText(text, max);
}

function wholeOrNull(value: number | null | undefined): number | null {
  return Number.isSafeInteger(value) ? (value ?? null) : null;
}

/** As the audit line has them: redacted and bounded. */
function fieldsOrNull(fields: PlainFields | null | undefined): PlainFields | null {
  if (fields === null || fields === undefined) return null;
  const parsed: unknown = JSON.parse(jsonFields(fields, MAX_FIELDS_BYTES));
  return isFields(parsed) ? parsed : null;
}

function isFields(value: unknown): value is PlainFields {
  return typeof value === "object" && value !== null;
}
