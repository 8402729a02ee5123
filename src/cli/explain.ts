import { readFile } from "node:fs/promises";
import { isAbsolute, relative } from "node:path";
import { type Config } from "../config/config.ts";
import type { CredentialProblem } from "../core/decision.ts";
import { isCredentialId, isPortalId, isScope, type PortalId } from "../core/ids.ts";
import type { Principal } from "../core/principal.ts";
import { keyProblem } from "../credentials/key-format.ts";
import { keyState } from "../credentials/key-state.ts";
import { principalOf } from "../credentials/principal.ts";
import type { Explanation } from "../policy/explain.ts";
import { inCatalogue } from "../core/scopes.ts";
import { suggestion } from "../core/suggest.ts";
import type { Policy } from "../policy/types.ts";
import type { ApiKeyRecord } from "../store/types.ts";
import {
  type Command,
  CommandFailure,
  CONFIG_OPTION,
  JSON_OPTION,
  readArgs,
  type Terminal,
  UsageError,
} from "./command.ts";
import { requireConfig } from "./config-file.ts";
import { type Desk, requirePolicy, withDesk } from "./desk.ts";
import { explainOnWire } from "../app/explain-wire.ts";
import { tokenCaller, withTokenSource } from "./explain-token.ts";
import { plain } from "./list-text.ts";

/** Who asks, and whether MCP access is on where the store tells. */
interface Caller {
  readonly principal: CallerPrincipal;
  readonly mcpAccess?: boolean;
}

type CallerPrincipal =
  | Principal
  | { readonly problem: CredentialProblem | "credential_missing"; readonly told?: string };

/** `portcullis explain`: the decision on a request, and each step that led to it. */
export const explain: Command = {
  usage: `portcullis explain [--config FILE] [--key KEY | --token [-] | --scopes A,B [--portal P]] METHOD TARGET
                   [-H 'Name: value' …] [--data TEXT | --data @FILE] [--json]`,
  details: `${CONFIG_OPTION}
  --key KEY       a key, the id of one (key_…), or - to read a key from standard input
  --token [-]     the access token that \`portcullis login\` keeps; with -, one from standard input
  --scopes A,B    a caller with these scopes, instead of a key (default: a request without a credential)
  --portal P      the portal that it is restricted to (default: all portals)
  -H, --header    a header of the request. Without a Host any is taken for served; without Content-Type, for JSON
  --data TEXT     the body, or @FILE
${JSON_OPTION}

Framing and time-outs are not looked at, and credentials are given with --key, not with -H.

Exit codes: 0 allowed, 1 refused, 2 wrong usage.

Example: portcullis explain --scopes tickets:read --portal acme GET /api/portals/acme/tickets`,
  async run(args, terminal) {
    const { values, positionals } = readArgs(withTokenSource(args), {
      config: { type: "string" },
      key: { type: "string" },
      token: { type: "string" },
      scopes: { type: "string" },
      portal: { type: "string" },
      header: { type: "string", short: "H", multiple: true },
      data: { type: "string" },
      json: { type: "boolean" },
    });
    const [method, target, ...rest] = positionals;
    if (method === undefined || target === undefined) throw new UsageError("give METHOD and TARGET");
    if (rest.length > 0) throw new UsageError(`unexpected argument: ${rest[0]}`);
    const config = await requireConfig(values.config, terminal);
    const policy = await requirePolicy(config, terminal);
    const request = {
      method: method.toUpperCase(),
      target,
      headers: (values.header ?? []).map(readHeader),
      body: values.data === undefined ? null : await readData(values.data),
      ...(await caller({ config, policy }, values, terminal)),
    };
    const explanation = explainOnWire(config, policy, request);
    terminal.out(values.json === true ? `${JSON.stringify(explanation)}\n` : explanationText(explanation));
    return explanation.verdict.allow ? 0 : 1;
  },
};

async function caller(
  { config, policy }: { config: Config; policy: Policy },
  values: { key?: string; token?: string; scopes?: string; portal?: string },
  terminal: Terminal,
): Promise<Caller> {
  const given = [values.key, values.token, values.scopes].filter((value) => value !== undefined);
  if (given.length > 1) throw new UsageError("--key, --token or --scopes, one of them");
  if (values.scopes !== undefined) return { principal: imagined(values.scopes, values.portal, policy) };
  if (values.portal !== undefined) throw new UsageError("--portal goes with --scopes");
  if (values.token !== undefined) return tokenCaller(config, values.token, terminal);
  if (values.key === undefined) return { principal: { problem: "credential_missing" } };
  const key = values.key === "-" ? (await terminal.readInput()).trim() : values.key;
  return withDesk(config, terminal, async (desk) => {
    const { mcpAccess } = await desk.records.settings.read();
    return { principal: await keyCaller(key, desk), mcpAccess };
  });
}

async function keyCaller(key: string, { store, digester }: Desk): Promise<CallerPrincipal> {
  if (isCredentialId(key)) {
    const record = await store.keys.get(key);
    if (record === null) throw new CommandFailure(`no key ${key}`);
    return callerOf(record);
  }
  const problem = keyProblem(key);
  if (problem !== null) return { problem };
  const record = await store.keys.findByDigest(digester.stored(key));
  return record === null ? { problem: "credential_unknown" } : callerOf(record);
}

function callerOf(record: ApiKeyRecord): CallerPrincipal {
  const state = keyState(record, Date.now());
  if (state === "active") return principalOf(record);
  const at = state === "revoked" ? record.revokedAt : record.expiresAt;
  const since = at === null ? "" : ` at ${new Date(at).toISOString()}`;
  const by = record.replacedBy === null ? "" : `, replaced by ${record.replacedBy}`;
  return { problem: `credential_${state}`, told: `API key ${record.id} ${state}${since}${by}` };
}

/** A caller that does not exist, with the scopes to try. */
function imagined(scopes: string, portal: string | undefined, policy: Policy): Principal {
  const names = scopes.split(",").filter((name) => name !== "");
  const catalogue = new Set(policy.scopes.keys());
  const bad = names.find((name) => !isScope(name) || !inCatalogue(catalogue, name));
  if (bad !== undefined) throw new UsageError(`unknown scope ${bad}${suggestion(bad, catalogue)}`);
  const credentialId = "key_0000000000000000";
  if (!isCredentialId(credentialId)) throw new Error("the id of the imagined key is malformed");
  return {
    kind: "api_key",
    credentialId,
    subject: "explain",
    scopes: new Set(names.filter(isScope)),
    portal: readPortal(portal),
    expiresAt: null,
  };
}

function readPortal(portal: string | undefined): PortalId | null {
  if (portal === undefined) return null;
  if (!isPortalId(portal)) throw new UsageError(`${portal} is not a portal id`);
  return portal;
}

function readHeader(line: string): readonly [string, string] {
  const colon = line.indexOf(":");
  if (colon <= 0) throw new UsageError(`-H takes 'Name: value', not '${line}'`);
  return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
}

async function readData(data: string): Promise<Uint8Array> {
  return data.startsWith("@") ? readFile(data.slice(1)) : Buffer.from(data, "utf8");
}

/** A file below the working directory as a person there would write it. */
function fromHere(file: string): string {
  const path = relative(process.cwd(), file);
  return path.startsWith("..") || isAbsolute(path) ? file : path;
}

function explanationText({ steps }: Explanation): string {
  return steps
    .map(({ ok, source, step, text }) => {
      const where = source === undefined ? "" : `  (${fromHere(source.file)}:${source.line})`;
      return `${ok ? "✓" : "✗"} ${step.padEnd(10)} ${plain(text)}${where}\n`;
    })
    .join("")
    .concat("not checked: framing, time-outs\n");
}
