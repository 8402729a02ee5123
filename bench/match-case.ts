import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadRules } from "../src/config/rules.ts";
import { isCredentialId, isPortalId, isScope } from "../src/core/ids.ts";
import type { Principal } from "../src/core/principal.ts";
import type { RequestHead } from "../src/core/request.ts";
import { parseTarget } from "../src/core/target.ts";
import { compilePolicy } from "../src/policy/compile.ts";
import { decide } from "../src/policy/decide.ts";
import type { Policy } from "../src/policy/types.ts";

/** A policy of a given size with requests that it allows. */
export interface Case {
  readonly rules: number;
  /** The same ten requests for every size. */
  readonly hot: readonly RequestHead[];
  /** `UNIFORM` requests that reach every rule equally often, in an order without pattern. */
  readonly uniform: readonly RequestHead[];
  /** Matches and decides `count` times; returns how many were allowed. */
  run(heads: readonly RequestHead[], count: number): number;
}

const HOT = 10;
/** As many heads for every size, so that only the rules differ in what they take of the caches. */
const UNIFORM = 10_000;

/** Compiles a policy of `rules` rules of the usual shape, through a real file. */
export async function makeCase(rules: number): Promise<Case> {
  const policy = await compile(rules);
  const principal = reader();
  return {
    rules,
    hot: Array.from({ length: HOT }, (_, index) => headOf(index)),
    // A step that shares no divisor with the sizes visits every rule once, and neighbours never in turn.
    uniform: Array.from({ length: UNIFORM }, (_, index) => headOf((index * 7919) % rules)),
    run: (heads, count) => run(policy, principal, heads, count),
  };
}

function run(policy: Policy, principal: Principal, heads: readonly RequestHead[], count: number): number {
  let allowed = 0;
  let next = 0;
  for (let done = 0; done < count; done++) {
    const head = heads[next];
    next = next + 1 === heads.length ? 0 : next + 1;
    if (head === undefined) continue;
    const match = policy.match(head);
    if (match.found && decide(match.route, principal, head, null).allow) allowed++;
  }
  return allowed;
}

async function compile(rules: number): Promise<Policy> {
  const folder = await mkdtemp(join(tmpdir(), "portcullis-match-"));
  try {
    const file = join(folder, "rules.yaml");
    await writeFile(file, rulesText(rules));
    const loaded = await loadRules(file, {});
    const policy = loaded.ok ? compilePolicy(loaded.value) : loaded;
    if (!policy.ok) throw new Error(policy.problems.map(({ message }) => message).join("\n"));
    return policy.value;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Every rule has a collection of its own under the portal. */
function rulesText(rules: number): string {
  const routes = Array.from({ length: rules }, (_, index) => {
    const match = `{ methods: [GET], path: "/api/portals/:portal/${collection(index)}/*" }`;
    return `  - { id: rule.${index}, match: ${match}, upstream: desk, scopes: [tickets:read], portal: "path:portal" }`;
  });
  return `version: 1\nupstreams: { desk: { url: "http://127.0.0.1:9000" } }\nroutes:\n${routes.join("\n")}\n`;
}

/** Names of one length, so that a size differs from another by its number of rules alone. */
function collection(index: number): string {
  return `tickets-${String(index).padStart(5, "0")}`;
}

function headOf(index: number): RequestHead {
  const target = `/api/portals/acme/${collection(index)}/4711`;
  const parsed = parseTarget(target);
  if (!parsed.ok) throw new Error(parsed.detail);
  return { method: "GET", target, path: parsed.path, query: "", host: "desk.test", rawHeaders: [] };
}

function reader(): Principal {
  const credentialId = "key_0123456789abcdefABCD";
  const scope = "tickets:read";
  const portal = "acme";
  if (!isCredentialId(credentialId) || !isScope(scope) || !isPortalId(portal)) throw new Error("not of its kind");
  return { kind: "api_key", credentialId, subject: "ada", scopes: new Set([scope]), portal, expiresAt: null };
}
