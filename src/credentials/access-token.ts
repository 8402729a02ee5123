import { z } from "zod";
import {
  type ClientId,
  type CredentialId,
  type Digest,
  type GrantId,
  isCredentialId,
  isScope,
  type PersonId,
  type PortalId,
  type Scope,
} from "../core/ids.ts";
import type { OAuthPrincipal } from "../core/principal.ts";
import { commonScopes } from "../core/scopes.ts";
import type { CredentialFacts } from "../store/cache.ts";
import type { ClientRecord, Clients } from "../store/clients.ts";
import { type GrantRecord, type Grants, grantState } from "../store/grants.ts";
import type { People, PersonRecord } from "../store/people.ts";
import * as field from "../store/record-fields.ts";
import { isOpenSince, type Settings, type SettingsStore } from "../store/settings.ts";
import type { ChangeTag } from "../core/change-tag.ts";
import type { DocumentStore, StoredDocument } from "../store/types.ts";
import { readAudience } from "./audience.ts";
import type { CredentialSource } from "./source.ts";

export interface AccessTokenSourceOptions {
  readonly documents: Pick<DocumentStore, "get">;
  readonly grants: Pick<Grants, "get">;
  readonly people: Pick<People, "get">;
  readonly clients: Pick<Clients, "get">;
  readonly settings: Pick<SettingsStore, "read">;
  /** Our origin, asked at each look-up: it is known only once the listener listens. */
  readonly issuer: () => string;
}

/**
 * OAuth access tokens, as the authenticator looks them up: the document that the authorization server stored under the
 * token's digest, and what the token hangs on. What cannot be understood is unknown. What was taken away (grant, client,
 * person, portal, MCP access) or is for somebody else makes a token revoked; its facts say whose it was.
 */
export function createAccessTokenSource(options: AccessTokenSourceOptions): CredentialSource {
  const { clients, documents, grants, issuer, people, settings } = options;

  async function read(digest: Digest): Promise<Token | null> {
    const found = await documents.get("AccessToken", digest);
    if (found !== null) return readPersonal(found);
    const own = await documents.get("ClientCredentials", digest);
    return own === null ? null : readClientOwn(own);
  }

  return {
    async find(digest) {
      const token = await read(digest);
      if (token === null) return null;
      const [grant, person, client, inForce] = await Promise.all([
        token.grantId === null ? null : grants.get(token.grantId),
        token.personId === null ? null : people.get(token.personId),
        clients.get(token.clientId),
        settings.read(),
      ]);
      return factsOf(digest, token, { grant, person, client, settings: inForce, issuer: issuer() });
    },
  };
}

/** A token as it was issued. Times are wall clock ms. */
interface Token {
  readonly clientId: ClientId;
  /** Both are `null` where the client acts for itself. */
  readonly personId: PersonId | null;
  readonly grantId: GrantId | null;
  readonly scopes: readonly Scope[];
  readonly audience: string;
  readonly issuedAt: number;
  /** The same, but to the millisecond: what ends the tokens of a client can come in the same second as a new one. */
  readonly storedAt: number;
  readonly expiresAt: number;
}

/** What a token hangs on, as it is now. */
interface Standing {
  readonly grant: GrantRecord | null;
  readonly person: PersonRecord | null;
  readonly client: ClientRecord | null;
  readonly settings: Settings;
  readonly issuer: string;
}

/** Seconds since the epoch, to the year 9999. */
const epochSeconds = z.number().int().min(0).max(253_402_300_799);
const absent = z.undefined().optional();

const payload = z.object({
  clientId: field.clientId,
  scope: z.string().max(8192).default(""),
  aud: z.union([z.string(), z.tuple([z.string()])]).transform((aud) => (typeof aud === "string" ? aud : aud[0])),
  iat: epochSeconds,
  exp: epochSeconds,
  // Bound to a key or certificate: who presents it as a bearer token has not proved to hold that.
  jkt: absent,
  "x5t#S256": absent,
});

const personal = payload.extend({
  kind: z.literal("AccessToken"),
  accountId: field.personId,
  grantId: field.grantId,
});

const clientOwn = payload.extend({ kind: z.literal("ClientCredentials"), accountId: absent, grantId: absent });

function readPersonal(document: StoredDocument): Token | null {
  const { data } = personal.safeParse(document.value);
  return data === undefined ? null : tokenOf(document, data, { personId: data.accountId, grantId: data.grantId });
}

function readClientOwn(document: StoredDocument): Token | null {
  const { data } = clientOwn.safeParse(document.value);
  return data === undefined ? null : tokenOf(document, data, { personId: null, grantId: null });
}

function tokenOf(
  document: StoredDocument,
  { aud, clientId, exp, iat, scope }: z.output<typeof payload>,
  by: Pick<Token, "personId" | "grantId">,
): Token {
  return {
    ...by,
    clientId,
    // Others, such as `openid`, say nothing about what may be done here.
    scopes: scope.split(" ").filter(isScope),
    audience: aud,
    issuedAt: iat * 1000,
    storedAt: document.createdAt,
    expiresAt: Math.min(exp * 1000, document.expiresAt ?? Infinity),
  };
}

function factsOf(digest: Digest, token: Token, standing: Standing): CredentialFacts | null {
  const { client, grant, person, settings } = standing;
  const audience = readAudience(token.audience, standing.issuer);
  // A grant of another client or person: nobody can say whose token it is.
  const strange = grant !== null && (grant.client !== token.clientId || grant.person !== token.personId);
  if (audience.kind === "malformed" || strange) return null;
  const expiresAt = Math.min(token.expiresAt, grant?.expiresAt ?? Infinity);
  const principal: OAuthPrincipal = Object.freeze({
    kind: "oauth",
    credentialId: credentialIdOf(digest),
    subject: person?.email ?? token.personId ?? token.clientId,
    scopes: new Set(scopesNow(token, standing)),
    portal: client?.portal ?? grant?.portal ?? null,
    expiresAt,
    clientId: token.clientId,
    personId: token.personId,
    grantId: token.grantId,
    audiencePath: audience.kind === "ours" ? audience.path : "",
  });
  return {
    accepted: Object.freeze({ ok: true, principal, digest, mcpAccess: settings.mcpAccess }),
    digest,
    tags: tagsOf(token),
    revoked: audience.kind !== "ours" || isTakenAway(token, standing, principal.portal),
    expiresAt,
  };
}

/** What token, grant, client and person all have. */
function scopesNow(token: Token, { client, grant, person }: Standing): readonly Scope[] {
  const ofClient = commonScopes(token.scopes, client?.scopes ?? []);
  if (token.personId === null) return ofClient;
  return commonScopes(commonScopes(ofClient, grant?.scopes ?? []), person?.scopes ?? []);
}

function isTakenAway(token: Token, { client, grant, person, settings }: Standing, portal: PortalId | null): boolean {
  if (!isOpenSince(settings, token.issuedAt)) return true;
  if (client?.status !== "approved") return true;
  if (token.personId === null) return client.tokensAfter !== null && token.storedAt <= client.tokensAfter;
  // That it comes to its own end is no revocation: the facts have the time.
  if (grant === null || grantState(grant, settings, token.issuedAt) !== "active") return true;
  if (person === null || person.disabledAt !== null) return true;
  // The client was restricted to another portal since.
  if (grant.portal !== null && grant.portal !== portal) return true;
  return person.portals !== null && (portal === null || !person.portals.includes(portal));
}

function tagsOf({ clientId, grantId, personId }: Token): readonly ChangeTag[] {
  const tags: ChangeTag[] = [`client:${clientId}`];
  if (personId !== null) tags.push(`person:${personId}`);
  if (grantId !== null) tags.push(`grant:${grantId}`);
  return tags;
}

/** The public id of a token: enough of its digest to be unique, and no way back to the token. */
export function credentialIdOf(digest: Digest): CredentialId {
  const id = `tok_${digest.slice(0, 24)}`;
  if (!isCredentialId(id)) throw new Error("made an id that is none");
  return id;
}
