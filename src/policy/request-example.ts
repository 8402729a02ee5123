import type { PortalId } from "../core/ids.ts";
import type { Principal } from "../core/principal.ts";
import { holdsAll } from "../core/scopes.ts";
import type { McpPortalSelector, McpRule, McpRules, Policy, PortalSelector, Route } from "./types.ts";

/** A request that is made up: to be shown, or to be explained. */
export interface RequestExample {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** JSON; `null` is none. */
  readonly body: string | null;
}

/** What a credential can be tried at. */
export type CredentialExample =
  /** As it stands. */
  | { readonly kind: "ready"; readonly request: RequestExample }
  /** Somebody has to put in what stands for the names of the pattern, or a body. */
  | { readonly kind: "pattern"; readonly method: string; readonly pattern: string };

type Holder = Pick<Exclude<Principal, { kind: "anonymous" }>, "scopes" | "portal">;

/**
 * The simplest request of a rule that the credential opens: a GET of a path that stands there whole goes first, then one
 * that has the portal in it, then one that goes on, then whatever is left. `allows` has the last word, and is asked in
 * that order. `null` where no rule is open to it but public ones and those of MCP. The same rules give the same answer.
 */
export function exampleFor(
  policy: Pick<Policy, "routes" | "portals">,
  holder: Holder,
  allows: (request: RequestExample) => boolean,
): CredentialExample | null {
  const open = policy.routes.filter((route) => isOpenTo(route, holder)).toSorted(bySimplicity);
  const portal = holder.portal ?? policy.portals[0]?.id ?? null;
  for (const route of open) {
    const request = readyRequest(route, holder, portal);
    if (request !== null && allows(request)) return { kind: "ready", request };
  }
  const [first] = open;
  return first === undefined ? null : { kind: "pattern", method: methodOf(first), pattern: first.pattern };
}

/** Whether scopes and portal allow it at all. */
function isOpenTo({ mcp, needs, portal, public: open }: Route, holder: Holder): boolean {
  if (open || mcp !== null || !holdsAll(holder.scopes, needs)) return false;
  return holder.portal === null || portal?.kind !== "unrestricted";
}

function methodOf({ methods }: Route): string {
  return methods === null || methods.includes("GET") ? "GET" : (methods[0] ?? "GET");
}

/** For `toSorted`. */
function bySimplicity(a: Route, b: Route): number {
  const [one, other] = [costOf(a), costOf(b)];
  for (const [index, cost] of one.entries()) {
    const order = cost - (other[index] ?? 0);
    if (order !== 0) return order;
  }
  return a.index - b.index;
}

function costOf(route: Route): readonly number[] {
  const segments = route.pattern.split("/");
  const names = segments.filter((segment) => segment.startsWith(":")).length;
  return [methodOf(route) === "GET" ? 0 : 1, segments.at(-1) === "*" ? 1 : 0, names, segments.length];
}

/** `null` where something is left to put in. */
function readyRequest(route: Route, { portal: own }: Holder, portal: PortalId | null): RequestExample | null {
  if (methodOf(route) !== "GET" || route.readsBody) return null;
  const named = route.portal?.kind === "path" ? route.portal.name : null;
  const segments = route.pattern.split("/");
  if (segments.at(-1) === "*") segments.pop();
  const filled = segments.map((segment) => (segment === `:${named ?? ""}` ? portal : segment));
  if (filled.some((segment) => segment === null || segment.startsWith(":"))) return null;
  return namePortal(route.portal, { method: "GET", target: filled.join("/") || "/" }, own);
}

/** The request with the portal where the rule reads it. A portal in the path stands there already. */
export function namePortal(
  selector: PortalSelector | null,
  { method, target }: Pick<RequestExample, "method" | "target">,
  portal: string | null,
): RequestExample {
  const plain = { method, target, headers: [], body: null };
  if (selector === null || portal === null) return plain;
  switch (selector.kind) {
    case "query":
      return { ...plain, target: `${target}?${new URLSearchParams([[selector.name, portal]]).toString()}` };
    case "header":
      return { ...plain, headers: [[selector.name, portal]] };
    case "host":
      return selector.base === null ? plain : { ...plain, headers: [["Host", `${portal}.${selector.base}`]] };
    case "json":
      return { ...plain, body: JSON.stringify(nested(selector.tokens, portal)) };
    case "path":
    case "upstream":
    case "unrestricted":
      return plain;
  }
}

/**
 * An MCP message as the audit tells of it: its method, and the rule of the tool, prompt or resource that it names. The
 * portal stands where that rule reads it; other arguments are not known.
 */
export function exampleMessage(
  rules: McpRules,
  { method, tool }: { readonly method: string; readonly tool: string | null },
  portal: string | null,
): string {
  const rule = tool === null ? rules.methods.get(method) : ruleNamed(rules, tool);
  const params = paramsOf(method, tool, argumentsOf(rule?.portal, portal), resourceUri(rule, tool, portal));
  return JSON.stringify({
    jsonrpc: "2.0",
    ...(method.startsWith("notifications/") ? {} : { id: 1 }),
    method,
    ...params,
  });
}

function paramsOf(method: string, tool: string | null, args: object | null, uri: string) {
  if (method.startsWith("resources/") && tool !== null) return { params: { uri } };
  if (tool !== null) return { params: { name: tool.replace(/\*$/, "example"), arguments: args ?? {} } };
  return args === null ? {} : { params: { arguments: args } };
}

function ruleNamed({ prompts, resources, tools }: McpRules, name: string): McpRule | undefined {
  const prefixes = [...tools.prefixes, ...prompts.prefixes, ...resources.templates];
  return (
    tools.exact.get(name) ??
    prompts.exact.get(name) ??
    resources.literals.get(name) ??
    prefixes.find(({ rule }) => rule.name === name)?.rule
  );
}

function argumentsOf(selector: McpPortalSelector | undefined, portal: string | null): object | null {
  return selector?.kind === "argument" && portal !== null ? nested(selector.tokens, portal) : null;
}

function resourceUri(rule: McpRule | undefined, template: string | null, portal: string | null): string {
  const variable = rule?.portal.kind === "uri" ? rule.portal.variable : -1;
  let index = -1;
  return (template ?? "").replaceAll(/\{[^}]*\}/g, () => {
    index += 1;
    return index === variable && portal !== null ? portal : "1";
  });
}

/** An object that has the value at the end of the pointer. */
function nested(tokens: readonly string[], value: string): Readonly<Record<string, unknown>> {
  const [first = "", ...rest] = tokens;
  return Object.fromEntries([[first, rest.length === 0 ? value : nested(rest, value)]]);
}
