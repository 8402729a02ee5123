import type { ActivityEntry } from "../../administration/administration.ts";
import { isClientId, isCredentialId, isGrantId, isPersonId } from "../../core/ids.ts";
import type { Policy } from "../../policy/types.ts";
import type { EntryView } from "../pages/activity-entry.ts";
import type { ActivityRow } from "../pages/activity-list.ts";
import { type AdminPaths, withQuery } from "../pages/paths.ts";
import { explainFormOf } from "./explain-question.ts";

/** Fields that a page shows apart from the others, or not at all. */
const APART: ReadonlySet<string> = new Set([
  "ts",
  "event",
  "decision",
  "reason",
  "action",
  "method",
  "path",
  "mcp",
  "before",
  "after",
]);

export function activityRow({ id, at, event, decision, reason, fields }: ActivityEntry): ActivityRow {
  return {
    id,
    at,
    event,
    decision,
    reason,
    action: textIn(fields, "action"),
    method: textIn(fields, "method"),
    path: textIn(fields, "path"),
    mcp: mcpText(fields["mcp"]),
    subject: textIn(fields, "subject"),
    credential: textIn(fields, "credential"),
    target: textIn(fields, "target"),
    count: typeof fields["count"] === "number" ? fields["count"] : 1,
  };
}

export function entryView(entry: ActivityEntry, paths: AdminPaths, policy: Policy): EntryView {
  const { fields } = entry;
  const shown = Object.entries(fields).flatMap(([name, value]) => {
    const text = APART.has(name) ? "" : fieldText(value);
    return text === "" ? [] : [[name, text] as const];
  });
  return {
    ...activityRow(entry),
    fields: shown,
    before: jsonIn(fields, "before"),
    after: jsonIn(fields, "after"),
    explain: explainFormOf(entry, policy),
    about: aboutOf(fields, paths),
  };
}

/** Pages of what the entry names. */
function aboutOf(fields: ActivityEntry["fields"], paths: AdminPaths): EntryView["about"] {
  const links: { readonly label: string; readonly href: string }[] = [];
  const client = textIn(fields, "client");
  if (client !== null && isClientId(client)) links.push({ label: "The client", href: paths.client(client) });
  for (const id of new Set([textIn(fields, "credential"), textIn(fields, "target")])) {
    if (id === null) continue;
    if (id.startsWith("key_") && isCredentialId(id)) links.push({ label: "The API key", href: paths.key(id) });
    else if (isPersonId(id)) links.push({ label: "The person", href: paths.person(id) });
    else if (isGrantId(id)) links.push({ label: "The connected apps", href: paths.grants });
    else if (id.startsWith("client_")) links.push({ label: "The client", href: paths.client(id) });
  }
  const requestId = textIn(fields, "request_id");
  const subject = textIn(fields, "subject");
  if (subject !== null) links.push({ label: "All of theirs", href: withQuery(paths.activity, { subject }) });
  return requestId === null && links.length === 0 ? [] : links;
}

function textIn(fields: ActivityEntry["fields"], name: string): string | null {
  const value = fields[name];
  return typeof value === "string" && value !== "" ? value : null;
}

function fieldText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  return Array.isArray(value) && value.every((item) => typeof item === "string") ? value.join(" ") : json(value);
}

function jsonIn(fields: ActivityEntry["fields"], name: string): string | null {
  const value = fields[name];
  return typeof value === "object" && value !== null ? json(value) : null;
}

function json(value: unknown): string {
  return JSON.stringify(value, null, 2) ?? "";
}

function mcpText(mcp: unknown): string | null {
  if (typeof mcp !== "object" || mcp === null || !("method" in mcp) || typeof mcp.method !== "string") return null;
  const tool = "tool" in mcp && typeof mcp.tool === "string" ? ` ${mcp.tool}` : "";
  return `${mcp.method}${tool}`;
}
