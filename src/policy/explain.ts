import { codeOf, type CredentialProblem, type Decision, type Deny, deny, type Reason } from "../core/decision.ts";
import { type ErrorCode, ERRORS } from "../core/errors.ts";
import type { RouteId } from "../core/ids.ts";
import { type JsonValue, parseStrictJson } from "../core/json.ts";
import { ANONYMOUS, type Principal } from "../core/principal.ts";
import type { RequestHead } from "../core/request.ts";
import { parseTarget } from "../core/target.ts";
import { decideAudience } from "./audience.ts";
import { decidePortal, decideScopes } from "./decide.ts";
import { nearestRoute } from "./nearest.ts";
import type { McpRules, Policy, PortalSelector, Route, SourcePosition } from "./types.ts";

/** A request as somebody describes it, with whom its credential stands for. */
export interface ExplainInput {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array | null;
  /** `told` says more of the problem than the caller is told. */
  readonly principal:
    | Principal
    | { readonly problem: CredentialProblem | "credential_missing"; readonly told?: string };
  /** False while MCP access is switched off; true where left out. */
  readonly mcpAccess?: boolean;
}

export interface ExplainStep {
  readonly step:
    | "head"
    | "target"
    | "match"
    | "credential"
    | "audience"
    | "mcp"
    | "message"
    | "rule"
    | "scopes"
    | "body"
    | "portal"
    | "verdict";
  readonly ok: boolean;
  readonly text: string;
  /** The rule that the step is about. */
  readonly source?: SourcePosition;
}

/** What decided a request on an MCP route, and the steps that led to it. */
export interface MessageExplanation {
  readonly steps: readonly ExplainStep[];
  readonly decision: Decision;
}

/** Explains a request on an MCP route. Comes from outside, because policy knows no MCP. */
export type ExplainMessage = (rules: McpRules, principal: Principal, input: ExplainInput) => MessageExplanation;

/** What the line checks of a request as it stands on the wire. Comes from outside, because policy knows no HTTP. */
export interface WireChecks {
  /** What is wrong with the head; `null` is nothing. */
  readonly head: Deny | null;
  /** Judges size and type of the body for a rule; `null` where there is nothing to say. */
  body(route: Route): { readonly deny: Deny | null; readonly text: string } | null;
}

export interface Verdict {
  readonly allow: boolean;
  readonly route: RouteId | null;
  /** The portal that the request names, where one was read. */
  readonly portal: string | null;
  /** `null` where allowed. */
  readonly reason: Reason | null;
  /** What the caller sees; `null` where allowed, because the upstream answers. */
  readonly code: ErrorCode | null;
  readonly status: number | null;
}

export interface Explanation {
  /** In the order of the line; the first one that is not `ok` decides. The last one is the verdict. */
  readonly steps: readonly ExplainStep[];
  readonly verdict: Verdict;
}

/**
 * What the line would do with a request, step by step, told by the functions that the line itself uses.
 * Host, sizes and the type of the body are looked at by `wire` alone; framing and time are not. Without
 * `explainMessage` a request on an MCP route is refused.
 */
export function explain(
  policy: Policy,
  input: ExplainInput,
  explainMessage?: ExplainMessage,
  wire?: WireChecks,
): Explanation {
  const steps: ExplainStep[] = [];
  const target = parseTarget(input.target);
  const problem = wire?.head ?? null;
  if (problem !== null && (target.ok || problem.detail !== target.detail)) {
    steps.push({ step: "head", ok: false, text: problem.detail ?? ERRORS[codeOf(problem.reason)].publicText });
    return refused(steps, null, problem);
  }
  if (!target.ok) {
    steps.push({ step: "target", ok: false, text: target.detail });
    return refused(steps, null, deny("bad_request", target.detail));
  }
  steps.push({ step: "target", ok: true, text: `path ${target.path}${target.query === "" ? "" : ", with a query"}` });
  const head: RequestHead = {
    method: input.method,
    target: input.target,
    path: target.path,
    query: target.query,
    host: hostOf(input),
    rawHeaders: input.headers.flat(),
  };
  const match = policy.match(head);
  if (!match.found) {
    steps.push(noMatch(policy, head, match.deny, match.allowedMethods));
    return refused(steps, null, match.deny);
  }
  const { route } = match;
  const text = `${route.id}: ${route.pattern} (${route.methods?.join(", ") ?? "every method"})`;
  steps.push({ step: "match", ok: true, text, source: route.source });
  return access(steps, route, head, input, { explainMessage, wire });
}

function access(
  steps: ExplainStep[],
  route: Route,
  head: RequestHead,
  input: ExplainInput,
  { explainMessage, wire }: { explainMessage: ExplainMessage | undefined; wire: WireChecks | undefined },
): Explanation {
  const principal = "problem" in input.principal ? ANONYMOUS : input.principal;
  if (route.public) {
    steps.push({ step: "credential", ok: true, text: "the rule is public: none is asked for" });
  } else if ("problem" in input.principal) {
    const { problem, told } = input.principal;
    steps.push({ step: "credential", ok: false, text: told ?? ERRORS[codeOf(problem)].publicText });
    return refused(steps, route, deny(problem));
  } else {
    steps.push({ step: "credential", ok: principal.kind !== "anonymous", text: describe(principal) });
  }
  const denied = route.public
    ? null
    : beforeRule(steps, route, head, { principal, mcpAccess: input.mcpAccess !== false });
  if (denied !== null) return refused(steps, route, denied);
  if (route.mcp !== null && explainMessage !== undefined) {
    const message = explainMessage(route.mcp, principal, input);
    steps.push(...message.steps);
    const { decision } = message;
    return decision.allow ? allowed(steps, route, decision.portal) : refused(steps, route, decision);
  }
  const scopes = decideScopes(route, principal);
  if (scopes !== null) {
    if (principal.kind !== "anonymous") steps.push(scopeStep(route, principal, false));
    return refused(steps, route, scopes);
  }
  if (!route.public) steps.push(scopeStep(route, principal, true));
  const sent = wire?.body(route) ?? null;
  if (sent !== null) {
    steps.push({ step: "body", ok: sent.deny === null, text: sent.text, source: route.source });
    if (sent.deny !== null) return refused(steps, route, sent.deny);
  }
  const body = readBody(route, input.body);
  if ("deny" in body) {
    steps.push({ step: "portal", ok: false, text: body.deny.detail ?? "", source: route.source });
    return refused(steps, route, body.deny);
  }
  const decision = decidePortal(route, principal, head, body.value);
  if (!route.public) steps.push(portalStep(route, principal, decision));
  return decision.allow ? allowed(steps, route, decision.portal) : refused(steps, route, decision);
}

/** What is judged of a credential before the rule is asked; keys say nothing of an audience. */
function beforeRule(
  steps: ExplainStep[],
  route: Route,
  head: RequestHead,
  { mcpAccess, principal }: { readonly principal: Principal; readonly mcpAccess: boolean },
): Deny | null {
  if (principal.kind === "anonymous") return null;
  const other = decideAudience(principal, head.path);
  if (principal.kind === "oauth") {
    const place = principal.audiencePath === "" ? "every path" : `${principal.audiencePath} and what is under it`;
    steps.push({ step: "audience", ok: other === null, text: `the token is for ${place}` });
  }
  if (other !== null) return other;
  if (route.mcp === null || mcpAccess) return null;
  steps.push({ step: "mcp", ok: false, text: "MCP access is switched off", source: route.source });
  return deny("mcp_disabled");
}

function hostOf(input: ExplainInput): string {
  return input.headers.find(([name]) => name.toLowerCase() === "host")?.[1] ?? "";
}

function readBody(
  route: Route,
  body: Uint8Array | null,
): { readonly value: JsonValue | null } | { readonly deny: Deny } {
  if (!route.readsBody || body === null || body.length === 0) return { value: null };
  const json = parseStrictJson(body);
  if (json.ok) return { value: json.value };
  return { deny: deny("bad_request", `the body: ${json.detail}, at byte ${json.offset}`) };
}

function noMatch(policy: Policy, head: RequestHead, reason: Deny, allowedMethods: readonly string[]): ExplainStep {
  if (reason.reason === "method_not_allowed") {
    const text = `rules match the path, but none for ${head.method}; served are ${allowedMethods.join(", ")}`;
    return withSource({ step: "match", ok: false, text }, nearestRoute(policy.routes, head));
  }
  if (reason.detail !== null) return { step: "match", ok: false, text: reason.detail };
  const near = nearestRoute(policy.routes, head);
  const hint = near === null ? "" : `; the nearest is ${near.id}: ${near.pattern}`;
  return withSource({ step: "match", ok: false, text: `no rule matches the path${hint}` }, near);
}

function withSource(step: ExplainStep, route: Route | null): ExplainStep {
  return route === null ? step : { ...step, source: route.source };
}

function describe(principal: Principal): string {
  if (principal.kind === "anonymous") return "no credential";
  const kind = principal.kind === "api_key" ? "API key" : "access token";
  const portal = principal.portal === null ? "for all portals" : `restricted to portal ${principal.portal}`;
  return `${kind} ${principal.credentialId} of ${principal.subject}, ${portal}`;
}

function scopeStep(route: Route, principal: Principal, ok: boolean): ExplainStep {
  const held = principal.kind === "anonymous" ? "" : [...principal.scopes].join(" ");
  const text = ok ? `needs ${route.scopeText}: all held` : `needs ${route.scopeText}; held: ${held || "none"}`;
  return { step: "scopes", ok, text, source: route.source };
}

function portalStep(route: Route, principal: Principal, decision: Decision): ExplainStep {
  return { step: "portal", ok: decision.allow, text: portalText(route, principal, decision), source: route.source };
}

function portalText({ portal: selector }: Route, principal: Principal, decision: Decision): string {
  const own = principal.kind === "anonymous" ? null : principal.portal;
  if (decision.portal !== null) {
    const named = `the request names portal ${decision.portal}`;
    return decision.allow ? named : `${named}; the credential is restricted to ${own ?? "none"}`;
  }
  const where = selector === null ? "no selector" : selectorText(selector);
  if (!decision.allow) return `${where}: ${decision.detail ?? `the credential is restricted to ${own ?? "none"}`}`;
  if (selector?.kind === "upstream") return `${where}: the service filters by itself`;
  return `${where}: the credential is for all portals`;
}

function selectorText(selector: PortalSelector): string {
  switch (selector.kind) {
    case "path":
    case "query":
    case "header":
      return `${selector.kind}:${selector.name}`;
    case "json":
      return `json:${selector.pointer}`;
    case "host":
      return selector.base === null ? "host" : `host:${selector.base}`;
    case "upstream":
    case "unrestricted":
      return selector.kind;
  }
}

function allowed(steps: ExplainStep[], route: Route, portal: string | null): Explanation {
  steps.push({ step: "verdict", ok: true, text: `allowed: goes to ${route.upstream}`, source: route.source });
  return { steps, verdict: { allow: true, route: route.id, portal, reason: null, code: null, status: null } };
}

function refused(steps: ExplainStep[], route: Route | null, { reason, portal }: Deny): Explanation {
  const code = codeOf(reason);
  const { status } = ERRORS[code];
  // The caller sees the code; the reason is for the operator.
  const text = reason === code ? `${status} ${code}` : `${status} ${code} (${reason})`;
  const step: ExplainStep = { step: "verdict", ok: false, text };
  steps.push(withSource(step, route));
  return { steps, verdict: { allow: false, route: route?.id ?? null, portal, reason, code, status } };
}
