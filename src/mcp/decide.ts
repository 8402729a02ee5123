import { type Allow, type Decision, deny } from "../core/decision.ts";
import type { AuthenticatedPrincipal, Principal } from "../core/principal.ts";
import { holdsAll } from "../core/scopes.ts";
import { decideNamed } from "../policy/decide.ts";
import type { McpRules } from "../policy/types.ts";
import type { McpMessage } from "./message.ts";
import type { Operation, RuleUse } from "./operation.ts";
import { labelOf, operationOf } from "./resolve.ts";

export interface McpDecision {
  readonly decision: Decision;
  /** Every scope of the operation, with single spaces between; `""` where it needs none. */
  readonly needs: string;
  /** A method that is known or that the rules name, `response`, `batch`, or `other`. Never the caller's text. */
  readonly method: string;
  /** Name of the rule, `other` where no one rule is meant; `null` where the method has no such thing. */
  readonly tool: string | null;
}

export interface BatchDecision extends McpDecision {
  /** Position of the first message that is refused; `null` where all are allowed. */
  readonly refused: number | null;
}

const ALLOW: Allow = { allow: true, portal: null };
const MISSING = deny("credential_missing");
const SCOPE = deny("insufficient_scope");
const NOTHING = deny("bad_request", "no message");

/** Whether the caller may send the message: every rule that it has to pass, scopes then portal. Pure. */
export function decideMessage(rules: McpRules, principal: Principal, message: McpMessage): McpDecision {
  const operation = operationOf(rules, message);
  return {
    decision: decideOperation(operation, principal),
    needs: needsOf(operation.uses),
    method: labelOf(rules, message),
    tool: operation.tool,
  };
}

/**
 * Whether the caller may send all the messages of one body. Each is decided by itself, and one that is
 * refused refuses all. Where one is refused, `method` and `tool` are its own; `needs` is of all messages.
 */
export function decideBatch(rules: McpRules, principal: Principal, messages: readonly McpMessage[]): BatchDecision {
  const first = messages[0];
  if (first === undefined) return { decision: NOTHING, needs: "", method: "other", tool: null, refused: 0 };
  const one = decideMessage(rules, principal, first);
  if (messages.length === 1) return { ...one, refused: one.decision.allow ? null : 0 };
  const all = [one, ...messages.slice(1).map((message) => decideMessage(rules, principal, message))];
  const needs = [...new Set(all.flatMap((each) => (each.needs === "" ? [] : each.needs.split(" "))))].join(" ");
  const refused = all.findIndex(({ decision }) => !decision.allow);
  const worst = all[refused];
  if (worst !== undefined) return { ...worst, needs, refused };
  return {
    decision: { allow: true, portal: portalsOf(all.map(({ decision }) => decision)) },
    needs,
    method: new Set(all.map(({ method }) => method)).size === 1 ? one.method : "batch",
    tool: new Set(all.map(({ tool }) => tool)).size === 1 ? one.tool : "other",
    refused: null,
  };
}

/** What was looked up, decided. */
export function decideOperation({ uses, problem }: Operation, principal: Principal): Decision {
  if (principal.kind === "anonymous") return MISSING;
  if (problem !== null) return problem;
  const first = uses[0];
  if (first === undefined) return ALLOW;
  if (uses.length === 1) return decideUse(first, principal);
  const all = uses.map((use) => decideUse(use, principal));
  return all.find(({ allow }) => !allow) ?? { allow: true, portal: portalsOf(all) };
}

/** One rule: scopes, then portal, as for a route. */
function decideUse({ rule, named }: RuleUse, principal: AuthenticatedPrincipal): Decision {
  if (!holdsAll(principal.scopes, rule.needs)) return SCOPE;
  return decideNamed(rule.portal.kind, named, principal.portal);
}

function needsOf(uses: readonly RuleUse[]): string {
  const first = uses[0];
  if (first === undefined) return "";
  return uses.length === 1 ? first.rule.scopeText : [...new Set(uses.flatMap(({ rule }) => rule.scopes))].join(" ");
}

/** All portals that are named, for the audit: ids have no spaces. */
function portalsOf(decisions: readonly Decision[]): string | null {
  const portals = new Set(decisions.flatMap(({ portal }) => (portal === null ? [] : [portal])));
  return portals.size === 0 ? null : [...portals].join(" ");
}
