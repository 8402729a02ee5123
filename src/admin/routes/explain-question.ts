import { z } from "zod";
import type { ActivityEntry, ExplainQuestion } from "../../administration/administration.ts";
import { CREDENTIAL_PROBLEMS } from "../../core/decision.ts";
import { isCredentialId } from "../../core/ids.ts";
import { exampleMessage, namePortal } from "../../policy/request-example.ts";
import type { Policy } from "../../policy/types.ts";
import type { ExplainForm } from "../pages/explain.ts";
import type { Problems } from "../pages/form-fields.ts";
import { readTexts, textOf, textsOf } from "./forms.ts";

const fields = z.object({
  method: textOf(32),
  target: textOf(8192),
  as: textOf(),
  key: textOf(),
  scope: textsOf(),
  portal: textOf(),
  headers: textOf(16_384),
  body: textOf(32_768),
});
const NOTHING = { method: "", target: "", as: "", key: "", scope: [], portal: "", headers: "", body: "" };

/** The form as it was filled in. What is a secret is not shown again. */
export function readExplainForm(source: unknown): ExplainForm {
  const { method, as, key, scope, headers, ...form } = readTexts(source, fields) ?? NOTHING;
  return {
    ...form,
    method: method || "GET",
    as: as || "nobody",
    key: isCredentialId(key.trim()) ? key.trim() : "",
    scopes: scope,
    headers: headers.split(/\r?\n/),
  };
}

type Asked =
  | { readonly ok: true; readonly question: ExplainQuestion }
  | { readonly ok: false; readonly problems: Problems };

/** What the form asks, or what is wrong with it, by field. */
export function questionOf(form: ExplainForm): Asked {
  const { method, target, body } = form;
  const problems: Record<string, string> = {};
  if (!target.startsWith("/")) problems["target"] = "Begin with a slash.";
  const caller = callerOf(form);
  if (caller === null) problems["key"] = "Give the id of a key, such as key_…, and never the key itself.";
  const headers = headersOf(form.headers);
  if (headers === null) problems["headers"] = "Write each on a line of its own, as Name: value.";
  else if (headers.some(([name]) => CREDENTIALS.has(name.toLowerCase()))) {
    problems["headers"] = "Leave out the credential here: choose it above.";
  }
  if (caller === null || headers === null || Object.keys(problems).length > 0) return { ok: false, problems };
  return { ok: true, question: { method, target, headers, body: body === "" ? null : body, caller } };
}

const CREDENTIALS: ReadonlySet<string> = new Set(["authorization", "cookie", "x-api-key"]);
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
/** What ends a line to somebody, and was not taken for the end of one here. */
const LINE_END = /[\r\n\u2028\u2029]/;

/** `null` where a line is none. */
function headersOf(lines: readonly string[]): ExplainQuestion["headers"] | null {
  const headers: (readonly [string, string])[] = [];
  for (const line of lines) {
    if (line.trim() === "") continue;
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    if (!HEADER_NAME.test(name) || LINE_END.test(line)) return null;
    // No pattern for the space around it: with a long run of it, one takes minutes.
    headers.push([name, line.slice(colon + 1).trim()]);
  }
  return headers;
}

function callerOf({ as, key, portal, scopes }: ExplainForm): ExplainQuestion["caller"] | null {
  const problem = CREDENTIAL_PROBLEMS.find((each) => each === as);
  if (problem !== undefined) return { kind: "refused", problem };
  switch (as) {
    case "key":
      return isCredentialId(key) ? { kind: "key", id: key } : null;
    case "scopes":
      return { kind: "scopes", scopes, portal: portal === "" ? null : portal };
    default:
      return { kind: "anonymous" };
  }
}

/**
 * What to ask the rules to see why a request ended as it did; `null` for what is no request. As the key where it was
 * one; of a token, which has no page, as somebody who holds what it held. The audit has neither query nor body: where
 * the rules in force say where the portal is named, it stands there, and an MCP message names what it named.
 */
export function explainFormOf(entry: ActivityEntry, policy: Pick<Policy, "routes">): ExplainForm | null {
  const read = requestFields.safeParse(entry.fields).data;
  if (entry.event !== "request" || read === undefined) return null;
  const { credential, host, mcp, method, path, portal_allowed: own, portal_named: named, scopes_held: held } = read;
  const route = policy.routes.find(({ id }) => id === read.route) ?? null;
  const request = namePortal(route?.portal ?? null, { method, target: path }, named);
  const message =
    route?.mcp != null && mcp !== null && method === "POST" ? exampleMessage(route.mcp, mcp, named) : null;
  const headers = [
    ...(host === null ? [] : [["Host", host] as const]),
    ...request.headers.filter(([name]) => name !== "Host"),
  ];
  const isKey = credential?.startsWith("key_") === true && isCredentialId(credential);
  const problem = CREDENTIAL_PROBLEMS.find((each) => each === entry.reason);
  return {
    method,
    target: request.target,
    as: isKey ? "key" : (problem ?? (credential === null ? "nobody" : "scopes")),
    key: isKey ? credential : "",
    scopes: isKey ? [] : held,
    portal: isKey ? "" : (own ?? ""),
    headers: headers.map(([name, value]) => `${name}: ${value}`),
    body: message ?? request.body ?? "",
  };
}

const text = z.string().nullable().catch(null);
const requestFields = z.object({
  method: z.string(),
  path: z.string(),
  host: text,
  route: text,
  credential: text,
  portal_allowed: text,
  portal_named: text,
  scopes_held: z.array(z.string()).catch([]),
  mcp: z.object({ method: z.string(), tool: z.string().nullable() }).nullable().catch(null),
});
