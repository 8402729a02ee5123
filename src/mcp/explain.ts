import { type Decision, deny } from "../core/decision.ts";
import type { Principal } from "../core/principal.ts";
import { holdsAll } from "../core/scopes.ts";
import { decideNamed } from "../policy/decide.ts";
import type { ExplainInput, ExplainStep, MessageExplanation } from "../policy/explain.ts";
import type { McpPortalSelector, McpRules } from "../policy/types.ts";
import { decideBatch, decideOperation } from "./decide.ts";
import { checkHeaders, readMcpHeaders, readVersion } from "./headers.ts";
import { type McpMessage, readMessages } from "./message.ts";
import type { RuleUse } from "./operation.ts";
import { checkOrigin } from "./origin.ts";
import { operationOf } from "./resolve.ts";

/**
 * What the line would do with a request on an MCP route, told by the functions that the line itself uses.
 * For `explain` of `src/policy/`, which knows no MCP.
 */
export function explainMessage(rules: McpRules, principal: Principal, input: ExplainInput): MessageExplanation {
  const steps: ExplainStep[] = [];
  const rawHeaders = input.headers.flat();
  const origin = checkOrigin(rules, rawHeaders);
  if (origin !== null) {
    steps.push({ step: "message", ok: false, text: "the Origin is not in `origins:`" });
    return { steps, decision: origin };
  }
  if (input.method !== "POST") {
    steps.push({ step: "message", ok: true, text: `${input.method} has none: it is for every authenticated caller` });
    return { steps, decision: { allow: true, portal: null } };
  }
  const read = readRequest(rawHeaders, input.body);
  steps.push({ step: "message", ok: read.ok, text: read.text });
  if (!read.ok) return { steps, decision: deny("bad_request", read.text) };
  for (const message of read.messages) {
    steps.push(...messageSteps(rules, principal, message));
    if (steps.at(-1)?.ok !== true) break;
  }
  return { steps, decision: decideBatch(rules, principal, read.messages).decision };
}

type Request =
  | { readonly ok: true; readonly text: string; readonly messages: readonly McpMessage[] }
  | { readonly ok: false; readonly text: string };

function readRequest(rawHeaders: readonly string[], body: Uint8Array | null): Request {
  const fields = readMcpHeaders(rawHeaders);
  if (!fields.ok) return { ok: false, text: fields.detail };
  const version = readVersion(fields.headers.protocolVersion);
  if (!version.ok) return { ok: false, text: version.detail };
  if (body === null || body.length === 0) return { ok: false, text: "a POST needs a message; give it with --data" };
  const reading = readMessages(body, version.version);
  if (!reading.ok) return { ok: false, text: reading.detail };
  const problem = checkHeaders(version.version, fields.headers, reading.messages);
  if (problem !== null) return { ok: false, text: problem.detail };
  const { messages, batch } = reading;
  const what = batch ? `a batch of ${messages.length}` : `one ${messages[0]?.kind ?? "message"}`;
  return { ok: true, text: `${what}, read by revision ${version.version}`, messages };
}

/** Ends with a step that is not ok where the message is refused. */
function messageSteps(rules: McpRules, principal: Principal, message: McpMessage): readonly ExplainStep[] {
  const name = message.kind === "response" ? "answer to the server" : message.method;
  const operation = operationOf(rules, message);
  if (principal.kind === "anonymous") return [{ step: "rule", ok: false, text: `${name}: needs a credential` }];
  if (operation.uses.length === 0 && operation.problem === null) {
    return [{ step: "rule", ok: true, text: `${name}: for every authenticated caller` }];
  }
  const steps: ExplainStep[] = [];
  for (const use of operation.uses) {
    const text = operation.tool === null ? name : `${name}: ${use.rule.name}`;
    steps.push({ step: "rule", ok: true, text, source: use.rule.source }, ...useSteps(use, principal));
    if (steps.at(-1)?.ok !== true) return steps;
  }
  const decision = decideOperation(operation, principal);
  if (!decision.allow) steps.push({ step: "rule", ok: false, text: `${name}: ${decision.detail ?? decision.reason}` });
  return steps;
}

function useSteps({ rule, named }: RuleUse, principal: Exclude<Principal, { kind: "anonymous" }>): ExplainStep[] {
  const { source } = rule;
  const held = [...principal.scopes].join(" ");
  const ok = holdsAll(principal.scopes, rule.needs);
  const scopes: ExplainStep = { step: "scopes", ok, text: `needs ${rule.scopeText}; held: ${held || "none"}`, source };
  if (!ok) return [scopes];
  const decision = decideNamed(rule.portal.kind, named, principal.portal);
  return [scopes, { step: "portal", ok: decision.allow, text: portalText(rule.portal, decision), source }];
}

function portalText(selector: McpPortalSelector, decision: Decision): string {
  const named = decision.portal === null ? "" : `; named is ${decision.portal}`;
  const detail = decision.allow || decision.detail === null ? "" : `; ${decision.detail}`;
  return `read from ${selectorText(selector)}${named}${detail}`;
}

function selectorText(selector: McpPortalSelector): string {
  switch (selector.kind) {
    case "argument":
      return `argument:${selector.text}`;
    case "uri":
      return `uri:${selector.name}`;
    case "upstream":
    case "unrestricted":
      return selector.kind;
  }
}
