import type { Config } from "../config/config.ts";
import type { CredentialProblem } from "../core/decision.ts";
import type { Principal } from "../core/principal.ts";
import { createAccessTokenSource } from "../credentials/access-token.ts";
import { isTokenText } from "../credentials/token-format.ts";
import type { CredentialFacts } from "../store/cache.ts";
import { type Terminal, UsageError } from "./command.ts";
import { withDesk } from "./desk.ts";
import { loginFile, requireLogin } from "./login-file.ts";

const STORED = "stored";

/** Gives `--token` its value where it has none: `parseArgs` knows no option with or without one. */
export function withTokenSource(args: readonly string[]): readonly string[] {
  return args.map((arg, index) => (arg === "--token" && args[index + 1] !== "-" ? `--token=${STORED}` : arg));
}

interface TokenCaller {
  readonly principal: Principal | { readonly problem: CredentialProblem; readonly told?: string };
  readonly mcpAccess?: boolean;
}

/**
 * The caller with an access token, looked up as the line does, or why it would be refused. A token never stands on the
 * command line, where others could read it.
 */
export async function tokenCaller(config: Config, given: string, terminal: Terminal): Promise<TokenCaller> {
  const token = await readToken(given, terminal);
  if (!isTokenText(token)) return { principal: { problem: "credential_unknown" } };
  return withDesk(config, terminal, async ({ store, records, digester }) => {
    const { documents } = store;
    const tokens = createAccessTokenSource({ documents, ...records, issuer: () => config.public_url });
    const { mcpAccess } = await records.settings.read();
    return { principal: standing(await tokens.find(digester.stored(token)), Date.now()), mcpAccess };
  });
}

function standing(facts: CredentialFacts | null, now: number): TokenCaller["principal"] {
  if (facts === null) return { problem: "credential_unknown" };
  const { principal } = facts.accepted;
  const told = `access token ${principal.credentialId}`;
  if (facts.revoked) return { problem: "credential_revoked", told: `${told} revoked` };
  if ((facts.expiresAt ?? Infinity) <= now) return { problem: "credential_expired", told: `${told} expired` };
  return principal;
}

async function readToken(given: string, terminal: Terminal): Promise<string> {
  if (given === "-") return (await terminal.readInput()).trim();
  if (given !== STORED) throw new UsageError("--token takes no token on the command line: give - and standard input");
  return (await requireLogin(loginFile(terminal.env))).tokens.access_token;
}
