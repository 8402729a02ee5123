import type { Config } from "../config/config.ts";
import { deny, type Deny } from "../core/decision.ts";
import { explainMessage } from "../mcp/explain.ts";
import {
  explain,
  type ExplainInput,
  type ExplainMessage,
  type Explanation,
  type WireChecks,
} from "../policy/explain.ts";
import type { Policy } from "../policy/types.ts";
import { isPlainJson } from "../proxy/plain-json.ts";
import { type InboundHead, readInbound } from "../proxy/request-reader.ts";

const TOO_LARGE = deny("body_too_large");
const NOT_JSON = deny("unsupported_media_type");

/** Decides on a described request as the line does on a real one, and tells each step. */
export function explainOnWire(config: Config, policy: Policy, input: ExplainInput): Explanation {
  const wire = wireChecks(config, input);
  return explain(policy, input, messageOnWire(policy, wire), wire);
}

/**
 * What the line checks before and around the rules, told by the functions that the line itself uses. A `Host` that is
 * not given is taken for one that is served, a `Content-Type` that is not given for JSON.
 */
function wireChecks(config: Config, request: Omit<ExplainInput, "principal">): WireChecks {
  const given = new Set(request.headers.map(([name]) => name.toLowerCase()));
  const head = readHead(config, request, given);
  const size = head.bodyKind === "length" ? head.contentLength : (request.body?.length ?? 0);
  return {
    head: head.problem,
    body(route) {
      const limit = route.bodyBytes ?? config.limits.body_bytes;
      if (size > limit) return refuse(TOO_LARGE, `${size} bytes, and ${limit} are allowed`);
      if (!route.readsBody && route.mcp === null) return null;
      const { inspect_bytes: inspected } = config.limits;
      if (size > inspected) return refuse(TOO_LARGE, `${size} bytes, and limits.inspect_bytes is ${inspected}`);
      if (size === 0) return null;
      if (!isPlainJson(head)) return refuse(NOT_JSON, "is not plain JSON, by its Content-Type or Content-Encoding");
      const assumed = given.has("content-type") ? "" : ", taken for JSON: no Content-Type given";
      return { deny: null, text: `${size} bytes${assumed}` };
    },
  };
}

/** As `explainMessage`, with the size and type of the body, which the line judges once the origin is right. */
function messageOnWire(policy: Policy, wire: WireChecks): ExplainMessage {
  return (rules, principal, input) => {
    const explained = explainMessage(rules, principal, input);
    const route = policy.routes.find(({ mcp }) => mcp === rules);
    if (route === undefined || input.method !== "POST") return explained;
    if (!explained.decision.allow && explained.decision.reason === "origin_forbidden") return explained;
    const body = wire.body(route);
    if (body === null) return explained;
    const step = { step: "body", ok: body.deny === null, text: body.text } as const;
    if (body.deny !== null) return { steps: [step], decision: body.deny };
    return { steps: [step, ...explained.steps], decision: explained.decision };
  };
}

function refuse(denied: Deny, text: string): ReturnType<WireChecks["body"]> {
  return { deny: denied, text };
}

function readHead(
  { limits, listen }: Config,
  { headers, method, target }: Omit<ExplainInput, "principal">,
  given: ReadonlySet<string>,
): InboundHead {
  const { hosts } = listen.public;
  const rawHeaders = headers.flat();
  if (!given.has("host")) rawHeaders.push("Host", hosts[0] ?? "localhost");
  if (!given.has("content-type")) rawHeaders.push("Content-Type", "application/json");
  const parts = { method, target, rawHeaders, httpVersion: "1.1" };
  return readInbound(parts, { targetBytes: limits.target_bytes, hosts: new Set(hosts) });
}
