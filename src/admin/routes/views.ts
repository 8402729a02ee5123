import type { AdminTokenView, Administration, Catalogue, GrantView } from "../../administration/administration.ts";
import type { ClientRecord } from "../../store/clients.ts";
import type { PersonRecord } from "../../store/people.ts";
import type { ApiKeyRecord } from "../../store/types.ts";
import type { ClientView } from "../pages/client-detail.ts";
import type { GrantRow } from "../pages/grants.ts";
import type { KeyView } from "../pages/key-detail.ts";
import type { PortalView } from "../pages/parts.ts";
import type { PersonView } from "../pages/person-detail.ts";
import type { TokenRow } from "../pages/tokens.ts";

/** What pages show of records: names of portals in place of ids, no digest. */

type Portals = Catalogue["portals"];

function portalView(id: string, portals: Portals): PortalView {
  return { id, name: portals.find((portal) => portal.id === id)?.name ?? null };
}

function onePortal(id: string | null, portals: Portals): PortalView | null {
  return id === null ? null : portalView(id, portals);
}

export function keyView(record: ApiKeyRecord, administration: Administration): KeyView {
  const { digest: _digest, portal, ...rest } = record;
  return {
    ...rest,
    portal: onePortal(portal, administration.catalogue().portals),
    state: administration.keys.state(record),
  };
}

export function clientView(record: ClientRecord, administration: Administration): ClientView {
  const { secretDigest, metadata, portal, ...rest } = record;
  return {
    ...rest,
    portal: onePortal(portal, administration.catalogue().portals),
    confidential: secretDigest !== null,
    redirectUris: texts(metadata["redirect_uris"]),
    grantTypes: texts(metadata["grant_types"]),
  };
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

export function personView(
  record: PersonRecord,
  sessions: PersonView["sessions"],
  administration: Administration,
): PersonView {
  const { id, name, email, role, scopes, disabledAt, lastSignInAt, createdAt, createdBy, version } = record;
  const { portals } = administration.catalogue();
  return {
    id,
    name,
    email,
    role,
    scopes,
    portals: record.portals === null ? null : record.portals.map((portal) => portalView(portal, portals)),
    company: record.company !== null || record.password === null,
    disabledAt,
    lastSignInAt,
    createdAt,
    createdBy,
    version,
    sessions,
  };
}

export function grantRow({ record, state, person, client }: GrantView, administration: Administration): GrantRow {
  const { id, scopes, portal, flow, createdAt, expiresAt } = record;
  return {
    id,
    person: person === null ? null : { id: record.person, ...person },
    client: { id: record.client, name: client?.name ?? null },
    scopes,
    portal: onePortal(portal, administration.catalogue().portals),
    flow,
    createdAt,
    expiresAt,
    state,
  };
}

export function tokenRow(record: AdminTokenView, now: number): TokenRow {
  const { revokedAt, ...rest } = record;
  const expired = record.expiresAt !== null && record.expiresAt <= now;
  return { ...rest, state: revokedAt !== null ? "revoked" : expired ? "expired" : "active" };
}
