import type { ChangeTag } from "../core/change-tag.ts";
import type { CredentialProblem } from "../core/decision.ts";
import type { ClientId, CredentialId, GrantId, PersonId, PortalId, Scope } from "../core/ids.ts";
import type { IssuedKey } from "../credentials/key-service.ts";
import type { Explanation } from "../policy/explain.ts";
import type { Reported, Spread } from "../revocation/spread.ts";
import type { ClientRecord, ClientStatus } from "../store/clients.ts";
import type { GrantRecord, GrantState } from "../store/grants.ts";
import type { PersonRecord, Role } from "../store/people.ts";
import type { AccessSettings, Settings } from "../store/settings.ts";
import type { ApiKeyRecord } from "../store/types.ts";
import type { Actor } from "./actor.ts";
import type { Changed, Conflict, NotFound } from "./outcomes.ts";
import type { Page, PageQuery } from "./page.ts";
import type { Status } from "./status.ts";

/**
 * What an administrator can do, whoever asks: pages, API, commands. Every change takes who makes it, and leaves a line
 * in the audit with what was before and after. Every method rejects with `StoreUnavailable` where the store does not
 * answer, and with `InvalidRequest` where it takes a request that cannot be granted. What "needs authority" hands on an
 * administrator's power, and rejects with `SigninStale` or `TokenForbidden` where the actor's own is not enough.
 */
export interface Administration {
  readonly keys: KeysAdministration;
  readonly clients: ClientsAdministration;
  readonly people: PeopleAdministration;
  readonly grants: GrantsAdministration;
  readonly access: AccessAdministration;
  readonly tokens: TokensAdministration;
  readonly activity: ActivityAdministration;
  /**
   * Runs `work`; changes in it wait for other instances `waitMs` at most. Tells how they spread, and, while `work` runs,
   * how they have so far.
   */
  report<T>(waitMs: number, work: (soFar: () => Spread) => Promise<T>): Promise<Reported<T>>;
  /** What is open on this instance by what carries the tag: a revoke would close it. `null` where it is not known. */
  openStreams(tag: ChangeTag): number | null;
  status(): Promise<Status>;
  catalogue(): Catalogue;
  explain(question: ExplainQuestion): Promise<Explanation>;
}

export type KeyState = "active" | "expired" | "revoked";

export interface KeyQuery extends PageQuery {
  /** Beginning of the name without regard to case, the id, or the last four characters. */
  readonly search?: string | undefined;
  readonly state?: KeyState | undefined;
}

/** A key to make. Nothing in it is trusted. */
export interface NewKey {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly portal: string | null;
  /** Life in ms; `null` never ends. */
  readonly expiresInMs: number | null;
  /** Whom the key speaks for; the actor where left out. */
  readonly subject?: string | undefined;
}

export type KeyRotation =
  | { readonly kind: "rotated"; readonly record: ApiKeyRecord; readonly key: string; readonly old: ApiKeyRecord }
  | NotFound
  /** Revoked, expired or rotated before. */
  | { readonly kind: "not_active" };

export interface KeysAdministration {
  /** Newest first. */
  list(query: KeyQuery): Promise<Page<ApiKeyRecord>>;
  get(id: CredentialId): Promise<ApiKeyRecord | null>;
  /** `key` of the answer is nowhere else: show it once. */
  create(actor: Actor, key: NewKey): Promise<IssuedKey>;
  /** For good, from now on. */
  revoke(actor: Actor, id: CredentialId): Promise<Changed<ApiKeyRecord> | NotFound>;
  /** The old key ends after `overlapMs`; 0 is now. */
  rotate(actor: Actor, id: CredentialId, options: { readonly overlapMs: number }): Promise<KeyRotation>;
  /** `active`, `expired` or `revoked`, now. */
  state(record: ApiKeyRecord): KeyState;
}

export interface ClientQuery extends PageQuery {
  /** All of them, the waiting ones first, where left out. */
  readonly status?: ClientStatus | undefined;
}

export interface NewClient {
  readonly name: string;
  readonly redirectUris: readonly string[];
  readonly confidential: boolean;
  /** `authorization_code`, `refresh_token`, `device_code`, `client_credentials`; empty takes those that fit. */
  readonly grantTypes: readonly string[];
  /** Empty takes all of the catalogue. */
  readonly scopes: readonly string[];
  readonly portal: string | null;
}

/** What a client gets less than it asked for; `null` leaves it. */
export interface ApprovalLimits {
  readonly scopes: readonly string[] | null;
  readonly portal: string | null;
}

export type ClientChanged =
  | Changed<ClientRecord>
  | NotFound
  | Conflict
  /** A waiting client can be approved and a disabled one enabled, not the other way about. */
  | { readonly kind: "wrong_status"; readonly record: ClientRecord };

export interface ClientsAdministration {
  /** The waiting ones first, then the approved, then the disabled; newest first in each. */
  list(query: ClientQuery): Promise<Page<ClientRecord>>;
  get(id: ClientId): Promise<ClientRecord | null>;
  /** Approved at once. `secret` of a confidential client is nowhere else: show it once. */
  add(actor: Actor, client: NewClient): Promise<{ readonly record: ClientRecord; readonly secret: string | null }>;
  approve(actor: Actor, id: ClientId, limits?: ApprovalLimits, version?: number): Promise<ClientChanged>;
  /** Ends its grants for good. */
  disable(actor: Actor, id: ClientId, version?: number): Promise<ClientChanged & { readonly grantsEnded?: number }>;
  enable(actor: Actor, id: ClientId, version?: number): Promise<ClientChanged>;
  /** The old secret stops at once. */
  rotateSecret(
    actor: Actor,
    id: ClientId,
  ): Promise<
    | { readonly kind: "rotated"; readonly record: ClientRecord; readonly secret: string }
    | NotFound
    /** It is a public client. */
    | { readonly kind: "no_secret"; readonly record: ClientRecord }
  >;
}

export interface PersonQuery extends PageQuery {
  /** Part of the name or of the email, without regard to case, or the id. */
  readonly search?: string | undefined;
}

export interface NewPerson {
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly scopes: readonly string[] | "all";
  readonly portals: readonly string[] | "all";
  /** `null` for somebody who signs in at the company's provider. */
  readonly password: string | null;
}

export interface PersonChanges {
  readonly name?: string | undefined;
  readonly role?: Role | undefined;
  readonly scopes?: readonly string[] | "all" | undefined;
  readonly portals?: readonly string[] | "all" | undefined;
}

export type PersonChanged =
  | Changed<PersonRecord>
  | NotFound
  | Conflict
  /** Nobody else is an administrator who may sign in. */
  | { readonly kind: "last_administrator"; readonly record: PersonRecord };

/** A browser that somebody is signed in with. */
export interface SessionView {
  /** Names it; not what the browser sends. */
  readonly id: string;
  readonly signedInAt: number;
  readonly expiresAt: number;
}

export interface PeopleAdministration {
  /** Newest first. */
  list(query: PersonQuery): Promise<Page<PersonRecord>>;
  /** By id or by email. */
  get(idOrEmail: string): Promise<PersonRecord | null>;
  /** Needs authority for an administrator. */
  add(actor: Actor, person: NewPerson): Promise<PersonRecord>;
  /** Needs authority where it makes an administrator. */
  edit(actor: Actor, id: PersonId, changes: PersonChanges, version?: number): Promise<PersonChanged>;
  /** Ends sessions and grants, too. Needs authority. */
  setPassword(actor: Actor, id: PersonId, password: string, version?: number): Promise<PersonChanged>;
  /** Ends sessions and grants. */
  disable(actor: Actor, id: PersonId, version?: number): Promise<PersonChanged>;
  /** Needs authority for an administrator. */
  enable(actor: Actor, id: PersonId, version?: number): Promise<PersonChanged>;
  /** Newest first, 1000 at most. */
  sessions(id: PersonId): Promise<readonly SessionView[]>;
  /** Ends all of them; tells how many there were. */
  endSessions(actor: Actor, id: PersonId): Promise<{ readonly kind: "ended"; readonly count: number } | NotFound>;
}

export interface GrantQuery extends PageQuery {
  readonly person?: PersonId | undefined;
  readonly client?: ClientId | undefined;
  readonly state?: GrantState | undefined;
}

/** A grant with the names of those that it is about; `null` for who is gone. */
export interface GrantView {
  readonly record: GrantRecord;
  readonly state: GrantState;
  readonly person: { readonly name: string; readonly email: string } | null;
  readonly client: { readonly name: string } | null;
}

export interface GrantsAdministration {
  /** Newest first. */
  list(query: GrantQuery): Promise<Page<GrantView>>;
  get(id: GrantId): Promise<GrantView | null>;
  /** For good, with its tokens. */
  revoke(actor: Actor, id: GrantId): Promise<Changed<GrantRecord> | NotFound>;
}

export interface AccessAdministration {
  read(): Promise<Settings>;
  /** In one write. MCP access off ends every OAuth token and grant for good. What is left out stays as it is. */
  set(actor: Actor, wanted: AccessSettings, version?: number): Promise<Changed<Settings> | Conflict>;
}

/** A token for scripts that use the API. The token itself is not in it. Times are wall clock ms. */
export interface AdminTokenView {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  readonly lastUsedAt: number | null;
}

export interface TokensAdministration {
  /** Newest first. */
  list(query: PageQuery): Promise<Page<AdminTokenView>>;
  get(id: string): Promise<AdminTokenView | null>;
  /** `token` is nowhere else: show it once. Needs authority. */
  create(
    actor: Actor,
    token: { readonly name: string; readonly expiresInMs: number | null },
  ): Promise<{ readonly record: AdminTokenView; readonly token: string }>;
  revoke(actor: Actor, id: string): Promise<Changed<AdminTokenView> | NotFound>;
}

/** Which entries of the activity. All that are given hold at once. */
export interface ActivityQuery extends PageQuery {
  readonly credential?: string | undefined;
  readonly client?: string | undefined;
  readonly subject?: string | undefined;
  readonly route?: string | undefined;
  readonly reason?: string | undefined;
  readonly decision?: "allow" | "deny" | undefined;
  readonly event?: ActivityEntry["event"] | undefined;
  /** Wall clock ms, this included. */
  readonly from?: number | undefined;
  /** Wall clock ms, up to it. */
  readonly to?: number | undefined;
}

export interface ActivityAdministration {
  /** Newest first. */
  list(query: ActivityQuery): Promise<Page<ActivityEntry>>;
  /** `null` for one that is not kept any more, too. */
  get(id: string): Promise<ActivityEntry | null>;
}

/** Something that happened, as much of it as the audit line has that a page shows. */
export interface ActivityEntry {
  readonly id: string;
  /** Wall clock ms. */
  readonly at: number;
  readonly event: "request" | "stream_open" | "stream_close" | "admin" | "oauth" | "signin" | "config";
  readonly decision: "allow" | "deny";
  readonly reason: string;
  /** The rest of its audit line, by the names of docs/audit.md. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Catalogue {
  readonly scopes: readonly { readonly scope: Scope; readonly text: string }[];
  readonly portals: readonly { readonly id: PortalId; readonly name: string }[];
}

/** A request to decide on as the rules in force do. */
export interface ExplainQuestion {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | null;
  readonly caller:
    | { readonly kind: "anonymous" }
    | { readonly kind: "refused"; readonly problem: CredentialProblem }
    | { readonly kind: "key"; readonly id: CredentialId }
    | { readonly kind: "scopes"; readonly scopes: readonly string[]; readonly portal: string | null };
}
