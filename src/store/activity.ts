import { z } from "zod";
import type { Activity } from "../core/activity.ts";
import { parseJson } from "./document.ts";
import { jsonObject, time } from "./record-fields.ts";
import { StoreUnavailable } from "./types.ts";

/** An activity as stored. */
export interface ActivityEntry extends Activity {
  /** A time (wall clock ms), a dash, a number: newer entries have higher ones. Tells nothing more. */
  readonly id: string;
}

/** Which entries. All that are given hold at once; texts are compared as a whole. */
export interface ActivityQuery {
  /** Entries older than the one with this id: `next` of the page before. */
  readonly after?: string | undefined;
  /** Entries newer than the one with this id. */
  readonly before?: string | undefined;
  /** 1 to 1000. */
  readonly limit: number;
  readonly credential?: string | undefined;
  readonly client?: string | undefined;
  readonly subject?: string | undefined;
  readonly route?: string | undefined;
  readonly reason?: string | undefined;
  readonly decision?: Activity["decision"] | undefined;
  readonly event?: Activity["event"] | undefined;
  /** Wall clock ms, this included. */
  readonly from?: number | undefined;
  /** Wall clock ms, up to it. */
  readonly to?: number | undefined;
}

export interface ActivityPage {
  readonly items: readonly ActivityEntry[];
  /** Where to go on; `null` at the end. A page may be short, or empty, and still have one: see `ActivityStore.list`. */
  readonly next: string | null;
}

/**
 * What happened lately, for pages: the last 50,000 entries, older ones go. Not the record: that is the audit. Rejects
 * with `StoreUnavailable` and nothing else.
 */
export interface ActivityStore {
  /** Adds them, in the order of time. Nothing waits for the disk: a crash of the machine may lose the last seconds. */
  append(entries: readonly Activity[]): Promise<void>;
  /**
   * Newest first: by time in the embedded store, by arrival on Redis. One call looks at 10,000 entries at most; where
   * these hold less than a page of what is asked for, the page is short and its `next` goes on from there. What is no
   * cursor gives an empty page.
   */
  list(query: ActivityQuery): Promise<ActivityPage>;
  /** `null` where there is none of this id, or none any more. */
  get(id: string): Promise<ActivityEntry | null>;
}

/** Entries that are kept. */
export const ACTIVITY_KEPT = 50_000;
/** Entries that one call of `list` looks at. */
export const ACTIVITY_LOOKED_AT = 10_000;

/** What can be asked for, besides times: those first that few entries share. */
export const ACTIVITY_FILTERS = ["credential", "client", "subject", "route", "reason", "event", "decision"] as const;

const ID = /^(0|[1-9]\d{0,14})-(0|[1-9]\d{0,14})$/;

/** The two numbers of an id, or `null` where it is none. */
export function splitActivityId(id: string): readonly [number, number] | null {
  const match = ID.exec(id);
  return match === null ? null : [Number(match[1]), Number(match[2])];
}

/** True where nothing can be found, because a cursor is none. */
export function hasUnknownCursor({ after, before }: ActivityQuery): boolean {
  return [after, before].some((id) => id !== undefined && splitActivityId(id) === null);
}

const text = z.string().nullable();
const activitySchema = z.object({
  at: time,
  event: z.enum(["request", "stream_open", "stream_close", "admin", "oauth", "signin", "config"]),
  decision: z.enum(["allow", "deny"]),
  reason: z.string(),
  detail: text,
  action: text,
  target: text,
  subject: text,
  credential: text,
  credentialKind: text,
  client: text,
  route: text,
  method: text,
  host: text.default(null),
  path: text,
  status: z.number().int().nullable(),
  portal: text,
  portalAllowed: text.default(null),
  scopesHeld: text.default(null),
  mcp: z.object({ method: z.string(), tool: text }).nullable(),
  requestId: text,
  clientIp: text,
  before: jsonObject.nullable(),
  after: jsonObject.nullable(),
  instance: z.string(),
  count: z.number().int().min(1),
});

/** The form in which both stores keep an entry. */
export function encodeActivity(activity: Activity): string {
  try {
    // Only what the schema knows, whatever else the object has.
    return JSON.stringify(activitySchema.parse(activity));
  } catch (error) {
    throw new StoreUnavailable("an activity cannot be stored", { cause: error });
  }
}

/** Reads an entry that comes from a store. One that cannot be understood counts as a store that does not answer. */
export function decodeActivity(id: unknown, json: unknown): ActivityEntry {
  const parsed = activitySchema.safeParse(parseJson(json));
  if (typeof id !== "string" || !parsed.success) throw new StoreUnavailable("a stored activity cannot be understood");
  return { id, ...parsed.data };
}

/** An entry by the names of the audit's fields (docs/audit.md), without what it does not have. */
export function auditFieldsOf(entry: Activity): Readonly<Record<string, unknown>> {
  const fields: Readonly<Record<string, unknown>> = {
    instance: entry.instance,
    request_id: entry.requestId,
    client_ip: entry.clientIp,
    method: entry.method,
    host: entry.host,
    path: entry.path,
    route: entry.route,
    credential: entry.credential,
    credential_kind: entry.credentialKind,
    subject: entry.subject,
    client: entry.client,
    portal_allowed: entry.portalAllowed,
    portal_named: entry.portal,
    scopes_held: entry.scopesHeld?.split(" ").filter((scope) => scope !== "") ?? null,
    mcp: entry.mcp,
    detail: entry.detail,
    status: entry.status,
    action: entry.action,
    target: entry.target,
    before: entry.before,
    after: entry.after,
    count: entry.count === 1 ? null : entry.count,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}
