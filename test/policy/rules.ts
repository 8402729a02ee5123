import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatProblem } from "../../src/core/problem.ts";
import { loadRules } from "../../src/config/rules.ts";
import type { ClientId, CredentialId, PortalId, Scope } from "../../src/core/ids.ts";
import { isClientId, isCredentialId, isPortalId, isScope } from "../../src/core/ids.ts";
import type { ApiKeyPrincipal, OAuthPrincipal } from "../../src/core/principal.ts";
import type { RequestHead } from "../../src/core/request.ts";
import { parseTarget } from "../../src/core/target.ts";
import { compilePolicy } from "../../src/policy/compile.ts";
import type { Policy } from "../../src/policy/types.ts";
import { Folder } from "../config/folder.ts";

/** Loads and compiles rules from text, through a real file. */
export async function compileText(yaml: string, env: Record<string, string> = {}) {
  await using folder = await Folder.make();
  const file = join(folder.path, "rules.yaml");
  await writeFile(file, yaml);
  const loaded = await loadRules(file, env);
  return { file, result: loaded.ok ? compilePolicy(loaded.value) : loaded };
}

/** The policy, or an error with all problems. */
export async function policyOf(yaml: string, env: Record<string, string> = {}): Promise<Policy> {
  const { result } = await compileText(yaml, env);
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.value;
}

/** Problems as `line:column: message`; an error where there are none. */
export async function problemsOf(yaml: string, env: Record<string, string> = {}): Promise<readonly string[]> {
  const { file, result } = await compileText(yaml, env);
  if (result.ok) throw new Error("the rules were accepted");
  return result.problems.map((problem) => formatProblem(problem).replace(`${file}:`, ""));
}

/** A rules file with one upstream and the given routes, each in flow style. */
export function rulesText(...routes: readonly string[]): string {
  const lines = routes.map((route) => `  - ${route}\n`).join("");
  return `version: 1\nupstreams:\n  desk: { url: "http://127.0.0.1:9000" }\nroutes:${lines === "" ? " []\n" : `\n${lines}`}`;
}

/** A request as the listener would hand it over. Throws where the target is refused. */
export function headOf(
  method: string,
  target: string,
  headers: readonly string[] = [],
  host = "desk.test",
): RequestHead {
  const parsed = parseTarget(target);
  if (!parsed.ok) throw new Error(`${target}: ${parsed.detail}`);
  return { method, target, path: parsed.path, query: parsed.query, host, rawHeaders: headers };
}

/** A caller with a key. */
export function keyHolder(scopes: readonly string[], portal: string | null = null): ApiKeyPrincipal {
  return {
    kind: "api_key",
    credentialId: narrow<CredentialId>("key_0123456789abcdefABCD", isCredentialId),
    subject: "ada",
    scopes: new Set(scopes.map((scope) => narrow<Scope>(scope, isScope))),
    portal: portal === null ? null : narrow<PortalId>(portal, isPortalId),
    expiresAt: null,
  };
}

/** A caller with a token for that audience, and with tickets:read. */
export function tokenHolder(audiencePath: string): OAuthPrincipal {
  return {
    ...keyHolder(["tickets:read"], "acme"),
    kind: "oauth",
    clientId: narrow<ClientId>("client_0123456789abcdefABCD", isClientId),
    personId: null,
    grantId: null,
    audiencePath,
  };
}

function narrow<T extends string>(text: string, is: (text: string) => text is T): T {
  if (!is(text)) throw new Error(`not of its kind: ${text}`);
  return text;
}
