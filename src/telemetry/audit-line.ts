import type { PlainFields } from "../core/activity.ts";
import type { AuditPrincipal, EventRecord, RequestRecord } from "./audit-record.ts";
import { jsonFields, MAX_FIELDS_BYTES } from "./json-fields.ts";
import { jsonText, jsonTextOrNull } from "./json-text.ts";

/** Every key that an audit line may hold, in the order of the lines. */
export const AUDIT_FIELDS = [
  "ts",
  "event",
  "instance",
  "request_id",
  "trace_id",
  "client_ip",
  "method",
  "host",
  "path",
  "route",
  "rules",
  "scopes_needed",
  "credential",
  "credential_kind",
  "subject",
  "client",
  "portal_allowed",
  "scopes_held",
  "portal_named",
  "mcp",
  "decision",
  "reason",
  "detail",
  "status",
  "bytes_in",
  "bytes_out",
  "duration_ms",
  "upstream_ms",
  "action",
  "target",
  "before",
  "after",
] as const;

/** Longest value of each kind, in characters. Longer ones end in `…`. */
const MAX = { id: 128, method: 32, host: 255, path: 2048, subject: 256, portal: 128, reason: 64, detail: 512 } as const;

/** Turns records into lines. Holds what is constant as ready-made JSON. */
export interface AuditLines {
  /** One line with its `\n`; plain ASCII, so its length is its size in bytes. */
  request(record: RequestRecord, nowMs: number): string;
  event(record: EventRecord, nowMs: number): string;
}

const NO_PRINCIPAL =
  ',"credential":null,"credential_kind":null,"subject":null,"client":null,"portal_allowed":null,"scopes_held":[]';
/** Rules come and go with reloads; this many fragments are kept before they are made anew. */
const MAX_ROUTE_FRAGMENTS = 20_000;

interface RouteFragment {
  readonly rulesHash: string;
  readonly scopesNeeded: string;
  readonly json: string;
}

/** Makes lines for one instance. */
export function createAuditLines(instance: string): AuditLines {
  const timestamp = createTimestamps();
  const principals = new WeakMap<AuditPrincipal, string>();
  const routes = new Map<string | null, RouteFragment>();
  const instanceJson = `","instance":${jsonText(instance, MAX.id)},"request_id":`;

  function principalJson(principal: AuditPrincipal): string {
    const known = principals.get(principal);
    if (known !== undefined) return known;
    const json = principalFragment(principal);
    principals.set(principal, json);
    return json;
  }

  function routeJson(record: RequestRecord): string {
    const known = routes.get(record.routeId);
    if (known !== undefined && known.rulesHash === record.rulesHash && known.scopesNeeded === record.scopesNeeded) {
      return known.json;
    }
    if (routes.size >= MAX_ROUTE_FRAGMENTS) routes.clear();
    const json = routeFragment(record);
    routes.set(record.routeId, { rulesHash: record.rulesHash, scopesNeeded: record.scopesNeeded, json });
    return json;
  }

  return {
    request(record, nowMs) {
      const { principal, mcp } = record;
      return (
        `{"ts":"${timestamp(nowMs)}","event":"${record.event}${instanceJson}${jsonText(record.requestId, MAX.id)}` +
        `,"trace_id":${jsonTextOrNull(record.traceId, MAX.id)},"client_ip":${jsonText(record.clientIp, MAX.id)}` +
        `,"method":${jsonText(record.method, MAX.method)},"host":${jsonText(record.host, MAX.host)}` +
        `,"path":${jsonText(record.path, MAX.path)}` +
        routeJson(record) +
        (principal === null ? NO_PRINCIPAL : principalJson(principal)) +
        `,"portal_named":${jsonTextOrNull(record.portalNamed, MAX.portal)}` +
        (mcp === undefined || mcp === null ? "" : mcpFragment(mcp)) +
        `,"decision":"${record.decision}","reason":${jsonText(record.reason, MAX.reason)}` +
        `,"detail":${jsonTextOrNull(record.detail, MAX.detail)},"status":${count(record.status)}` +
        `,"bytes_in":${count(record.bytesIn)},"bytes_out":${count(record.bytesOut)}` +
        `,"duration_ms":${milliseconds(record.durationMs)}` +
        `,"upstream_ms":${record.upstreamMs === null ? "null" : milliseconds(record.upstreamMs)}}\n`
      );
    },
    event(record, nowMs) {
      const { status = null } = record;
      return (
        `{"ts":"${timestamp(nowMs)}","event":"${record.event}${instanceJson}` +
        `${jsonTextOrNull(record.requestId ?? null, MAX.id)}${actorFragment(record)}` +
        `,"decision":"${record.decision ?? "allow"}","reason":${jsonText(record.reason ?? "ok", MAX.reason)}` +
        `,"detail":${jsonTextOrNull(record.detail ?? null, MAX.detail)}` +
        `,"status":${status === null ? "null" : count(status)}` +
        `${actFragment(record)}}\n`
      );
    },
  };
}

function actorFragment({ clientIp = null, credential = null, subject = null }: EventRecord): string {
  return (
    `,"client_ip":${jsonTextOrNull(clientIp, MAX.id)},"credential":${jsonTextOrNull(credential, MAX.id)}` +
    `,"subject":${jsonTextOrNull(subject, MAX.subject)}`
  );
}

function routeFragment(record: RequestRecord): string {
  return (
    `,"route":${jsonTextOrNull(record.routeId, MAX.id)},"rules":${jsonText(record.rulesHash, MAX.id)}` +
    `,"scopes_needed":${scopeList(record.scopesNeeded)}`
  );
}

function principalFragment(principal: AuditPrincipal): string {
  return (
    `,"credential":${jsonText(principal.credentialId, MAX.id)},"credential_kind":${jsonText(principal.kind, MAX.id)}` +
    `,"subject":${jsonText(principal.subject, MAX.subject)},"client":${jsonTextOrNull(principal.clientId, MAX.subject)}` +
    `,"portal_allowed":${jsonTextOrNull(principal.portal, MAX.portal)},"scopes_held":${scopeList(principal.scopesText)}`
  );
}

function mcpFragment(mcp: { readonly method: string; readonly tool: string | null }): string {
  return `,"mcp":{"method":${jsonText(mcp.method, MAX.id)},"tool":${jsonTextOrNull(mcp.tool, MAX.id)}}`;
}

/** Of what was before and after, neither or both. */
function actFragment({ action, target = null, before, after }: EventRecord): string {
  const act = `,"action":${jsonText(action, MAX.id)},"target":${jsonTextOrNull(target, MAX.id)}`;
  if (before === undefined && after === undefined) return act;
  return `${act},"before":${fieldsText(before)},"after":${fieldsText(after)}`;
}

function fieldsText(fields: PlainFields | null | undefined): string {
  return fields === null || fields === undefined ? "null" : jsonFields(fields, MAX_FIELDS_BYTES);
}

function scopeList(text: string): string {
  const scopes = text.split(" ").filter((scope) => scope !== "");
  return `[${scopes.map((scope) => jsonText(scope, MAX.id)).join(",")}]`;
}

/** A whole number, zero or more. Anything else is written as 0, so that the line stays JSON. */
function count(value: number): string {
  return Number.isSafeInteger(value) && value >= 0 ? `${value}` : "0";
}

/** Milliseconds with three decimals. Made of whole numbers, because shortest-form decimals cost more to print. */
function milliseconds(value: number): string {
  const micros = value > 0 && value < 1e12 ? Math.round(value * 1000) : 0;
  const whole = Math.floor(micros / 1000);
  return `${whole}.${threeDigits(micros - whole * 1000)}`;
}

const THREE_DIGITS: readonly string[] = Array.from({ length: 1000 }, (_, value) => `${value}`.padStart(3, "0"));

function threeDigits(value: number): string {
  return THREE_DIGITS[value] ?? "000";
}

/** RFC 3339 in UTC with milliseconds. The part up to the second is made once a second. */
function createTimestamps(): (nowMs: number) => string {
  let second = Number.NaN;
  let prefix = "";
  return (nowMs) => {
    const current = Math.floor(nowMs / 1000);
    if (current !== second) {
      second = current;
      prefix = new Date(current * 1000).toISOString().slice(0, 20);
    }
    return `${prefix}${threeDigits(Math.floor(nowMs) - current * 1000)}Z`;
  };
}
