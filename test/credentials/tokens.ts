import { randomBytes } from "node:crypto";
import type { Clock } from "../../src/core/clock.ts";
import { createAccessTokenSource } from "../../src/credentials/access-token.ts";
import type { Digester } from "../../src/credentials/digest.ts";
import { randomBase62 } from "../../src/credentials/key-format.ts";
import type { CredentialSource } from "../../src/credentials/source.ts";
import {
  type ClientId,
  type GrantId,
  isClientId,
  isGrantId,
  isPersonId,
  isPortalId,
  isScope,
  type PersonId,
  type PortalId,
} from "../../src/core/ids.ts";
import { type ClientRecord, createClients } from "../../src/store/clients.ts";
import { createGrants, type GrantRecord } from "../../src/store/grants.ts";
import { createPeople, type PersonRecord } from "../../src/store/people.ts";
import { createSettings } from "../../src/store/settings.ts";
import type { Store } from "../../src/store/types.ts";

export const ISSUER = "https://desk.example.com";

const HOUR = 3_600_000;

function narrow<T extends string>(text: string, is: (text: string) => text is T): T {
  if (!is(text)) throw new Error(`not of its kind: ${text}`);
  return text;
}

export const portal = (text: string): PortalId => narrow(text, isPortalId);
export const scopes = (...names: readonly string[]) => names.map((name) => narrow(name, isScope));
export const newPersonId = (): PersonId => narrow(`usr_${randomBase62(20, randomBytes)}`, isPersonId);
export const newGrantId = (): GrantId => narrow(`grant_${randomBase62(22, randomBytes)}`, isGrantId);
export const newClientId = (): ClientId => narrow(`client_${randomBase62(20, randomBytes)}`, isClientId);

/** What a token hangs on, and how it differs from the usual. */
export interface TokenWish {
  readonly person?: Partial<PersonRecord>;
  readonly client?: Partial<ClientRecord>;
  readonly grant?: Partial<GrantRecord>;
  /** Members of the stored payload; one that is `undefined` is left out. */
  readonly payload?: Readonly<Record<string, unknown>>;
  /** Left out of the store. */
  readonly without?: readonly ("person" | "client" | "grant" | "token")[];
}

/** A token with everything that it hangs on, as the authorization server would store it. */
export interface TestToken {
  readonly token: string;
  readonly person: PersonRecord;
  readonly client: ClientRecord;
  readonly grant: GrantRecord;
}

/** Issues tokens into a store, by the records that the other parts write. */
export class TokenDesk {
  readonly people;
  readonly clients;
  readonly grants;
  readonly settings;
  readonly #store: Store;
  readonly #digester: Digester;
  readonly #clock: Clock;

  constructor(store: Store, digester: Digester, clock: Clock) {
    this.#store = store;
    this.#digester = digester;
    this.#clock = clock;
    this.people = createPeople(store.documents);
    this.clients = createClients(store.documents);
    this.grants = createGrants(store.documents);
    this.settings = createSettings(store.documents);
  }

  source(issuer: () => string): CredentialSource {
    const { clients, grants, people, settings } = this;
    return createAccessTokenSource({ documents: this.#store.documents, clients, grants, people, settings, issuer });
  }

  /** A token of a person, by a client. */
  async personal(wish: TokenWish = {}): Promise<TestToken> {
    const now = this.#clock.now();
    const person = personRecord(now, wish.person);
    const client = clientRecord(now, wish.client);
    const grant = grantRecord(now, person, client, wish.grant);
    const left = (part: "person" | "client" | "grant" | "token"): boolean => wish.without?.includes(part) !== true;
    if (left("person")) await this.people.create(person);
    if (left("client")) await this.clients.create(client);
    if (left("grant")) await this.grants.create(grant);
    const payload = {
      kind: "AccessToken",
      clientId: client.id,
      accountId: person.id,
      grantId: grant.id,
      scope: "openid tickets:read tickets:write",
      aud: ISSUER,
      iat: Math.floor(now / 1000),
      exp: Math.floor((now + HOUR) / 1000),
      gty: "authorization_code",
      ...wish.payload,
    };
    const token = randomBytes(32).toString("base64url");
    if (left("token")) await this.#put("AccessToken", token, payload, [`grant:${grant.id}`, `client:${client.id}`]);
    return { token, person, client, grant };
  }

  /** A token of a client for itself. */
  async clientOwn(wish: Pick<TokenWish, "client" | "payload"> = {}): Promise<Pick<TestToken, "token" | "client">> {
    const now = this.#clock.now();
    const client = clientRecord(now, wish.client);
    await this.clients.create(client);
    const token = randomBytes(32).toString("base64url");
    const payload = {
      kind: "ClientCredentials",
      clientId: client.id,
      scope: "tickets:read",
      aud: ISSUER,
      iat: Math.floor(now / 1000),
      exp: Math.floor((now + HOUR) / 1000),
      ...wish.payload,
    };
    await this.#put("ClientCredentials", token, payload, [`client:${client.id}`]);
    return { token, client };
  }

  async #put(kind: string, token: string, value: Readonly<Record<string, unknown>>, groups: readonly string[]) {
    const id = this.#digester.stored(token);
    const document = { kind, id, value, createdAt: this.#clock.now(), expiresAt: null, lookups: [], groups };
    if (!(await this.#store.documents.insert(document))) throw new Error("the token could not be stored");
  }
}

function personRecord(now: number, changes: Partial<PersonRecord> = {}): PersonRecord {
  const id = newPersonId();
  return {
    id,
    email: `${id.toLowerCase()}@example.com`,
    name: "Ada",
    role: "member",
    scopes: scopes("tickets:*", "users:read"),
    portals: null,
    password: null,
    company: null,
    createdAt: now,
    createdBy: "cli:test",
    disabledAt: null,
    lastSignInAt: null,
    version: 1,
    ...changes,
  };
}

function clientRecord(now: number, changes: Partial<ClientRecord> = {}): ClientRecord {
  return {
    id: newClientId(),
    name: "Test client",
    origin: "administrator",
    status: "approved",
    metadata: {},
    secretDigest: null,
    scopes: scopes("tickets:read", "tickets:write"),
    portal: null,
    createdAt: now,
    createdBy: "cli:test",
    decidedAt: null,
    decidedBy: null,
    expiresAt: null,
    tokensAfter: null,
    version: 1,
    ...changes,
  };
}

function grantRecord(
  now: number,
  person: PersonRecord,
  client: ClientRecord,
  changes: Partial<GrantRecord> = {},
): GrantRecord {
  return {
    id: newGrantId(),
    person: person.id,
    client: client.id,
    scopes: scopes("tickets:read", "tickets:write"),
    portal: null,
    resource: ISSUER,
    flow: "authorization_code",
    createdAt: now,
    expiresAt: now + 24 * HOUR,
    revokedAt: null,
    version: 1,
    ...changes,
  };
}
