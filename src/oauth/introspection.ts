import type { Client } from "oidc-provider";
import type { Clock } from "../core/clock.ts";
import { isClientId, isDigest } from "../core/ids.ts";
import type { Digester } from "../credentials/digest.ts";
import type { CredentialSource } from "../credentials/source.ts";
import type { ClientRecord, Clients } from "../store/clients.ts";
import type { Accounts } from "./accounts.ts";
import { orUnavailable } from "./store-failure.ts";

export interface IntrospectionOptions {
  readonly accounts: Pick<Accounts, "holds">;
  readonly clients: Pick<Clients, "get">;
  /** Access tokens as the line judges them. */
  readonly tokens: CredentialSource;
  readonly digester: Digester;
  readonly clock: Pick<Clock, "now">;
}

/** A token as the library is about to tell of it. */
export interface IntrospectedToken {
  readonly kind: string;
  readonly jti: string;
  readonly clientId?: string | undefined;
  readonly grantId?: string | undefined;
  readonly accountId?: string | undefined;
  scope?: string | undefined;
  /** More members of the answer. */
  extra?: Record<string, unknown> | undefined;
}

/** False where the client is told that the token is not active, whatever is true. */
export type MayIntrospect = (client: Client, token: IntrospectedToken) => Promise<boolean>;

/**
 * Tells of tokens what the line would say of them now (RFC 7662, section 2.2): their own to any client, those of others
 * to confidential clients of an administrator alone. An access token that the line refuses is not active; else the
 * answer has the scopes that token, grant, client and person have in common, and in `portal` its portal, `null` for all.
 */
export function createIntrospection(options: IntrospectionOptions): MayIntrospect {
  const { accounts, clients, tokens, digester, clock } = options;

  const recordOf = async (id: string | undefined): Promise<ClientRecord | null> =>
    id !== undefined && isClientId(id) ? orUnavailable(() => clients.get(id)) : null;

  async function isTrusted({ clientAuthMethod, clientId }: Client): Promise<boolean> {
    return clientAuthMethod !== "none" && (await recordOf(clientId))?.origin === "administrator";
  }

  async function judge(token: IntrospectedToken): Promise<boolean> {
    const digest = digester.stored(token.jti);
    const facts = isDigest(digest) ? await orUnavailable(() => tokens.find(digest)) : null;
    if (facts === null || facts.revoked) return false;
    if (facts.expiresAt !== null && facts.expiresAt <= clock.now()) return false;
    const { principal } = facts.accepted;
    // The model is this request's own, and is not kept again.
    token.scope = [...principal.scopes].join(" ");
    token.extra = { ...token.extra, portal: principal.portal };
    return true;
  }

  return async (client, token) => {
    if (token.clientId !== client.clientId && !(await isTrusted(client))) return false;
    if (token.kind !== "RefreshToken") return judge(token);
    if ((await recordOf(token.clientId))?.status !== "approved") return false;
    return accounts.holds(token.grantId, token.accountId);
  };
}
