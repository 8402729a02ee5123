import { z } from "zod";
import type { ClientId, GrantId, PersonId, PortalId, Scope } from "../core/ids.ts";
import { clientId, grantId, personId, portal, scope, time, version } from "./record-fields.ts";
import { isOpenSince, type Settings } from "./settings.ts";
import { readAs, readAllAs, rewrite } from "./typed-document.ts";
import type { ChangeTag } from "../core/change-tag.ts";
import type { DocumentStore, NewDocument } from "./types.ts";

/** What one person allowed one client. Every token of it carries its id. Times are wall clock ms. */
export interface GrantRecord {
  readonly id: GrantId;
  readonly person: PersonId;
  readonly client: ClientId;
  readonly scopes: readonly Scope[];
  /** The portal that the person narrowed it to; `null` is all. */
  readonly portal: PortalId | null;
  /** The audience (RFC 8707). */
  readonly resource: string;
  readonly flow: "authorization_code" | "device_code";
  readonly createdAt: number;
  /** Its refresh tokens end then. */
  readonly expiresAt: number;
  readonly revokedAt: number | null;
  readonly version: number;
}

/**
 * Kinds of documents that OAuth keeps for a grant, and that are removed with it. Access tokens stay until they expire:
 * the grant's end makes them worthless, and whose they were is for the audit to tell.
 */
export const TOKEN_KINDS = ["RefreshToken", "AuthorizationCode", "DeviceCode"] as const;

/** Whose grants. */
export type GrantsOf = { readonly person: PersonId } | { readonly client: ClientId } | "all";

/** `ended` is one from before MCP access was switched off. */
export type GrantState = "active" | "revoked" | "ended" | "expired";

/** Whether a grant is in force under the settings, at a wall clock time in ms. */
export function grantState(
  grant: Pick<GrantRecord, "createdAt" | "expiresAt" | "revokedAt">,
  settings: Pick<Settings, "mcpAccess" | "mcpOffAt">,
  now: number,
): GrantState {
  if (grant.revokedAt !== null) return "revoked";
  if (!isOpenSince(settings, grant.createdAt)) return "ended";
  return grant.expiresAt <= now ? "expired" : "active";
}

/** Grants in the store. Rejects with `StoreUnavailable` and nothing else. */
export interface Grants {
  /** `null` where the id is taken. */
  create(record: Omit<GrantRecord, "version">): Promise<GrantRecord | null>;
  get(id: GrantId): Promise<GrantRecord | null>;
  /** Newest first, revoked ones too until they expire. Without a filter, all. */
  list(of: GrantsOf, page: { readonly after?: GrantId; readonly limit: number }): Promise<readonly GrantRecord[]>;
  /**
   * Ends it for good, with its tokens and codes. A repeated call removes what is left and returns the record as it
   * is; `null` where unknown. It is marked first: whoever reads the grant from then on finds it dead, also where the
   * removal fails or a token is written meanwhile.
   */
  revoke(id: GrantId, at: number): Promise<GrantRecord | null>;
  /** Revokes all of a person or of a client; returns how many were not revoked before. */
  revokeAll(of: GrantsOf, at: number): Promise<number>;
}

/** The library's own record of the grant ends with the tokens. */
const KINDS_OF_GRANT = [...TOKEN_KINDS, "Grant"];
const KIND = "grant";
const ALL = "all";
const PAGE = 500;

const grantSchema = z.strictObject({
  id: grantId,
  person: personId,
  client: clientId,
  scopes: z.array(scope),
  portal: portal.nullable(),
  resource: z.string(),
  flow: z.enum(["authorization_code", "device_code"]),
  createdAt: time,
  expiresAt: time,
  revokedAt: time.nullable(),
  version,
});

/** See `Grants`. */
export function createGrants(documents: DocumentStore): Grants {
  async function get(id: GrantId): Promise<GrantRecord | null> {
    return readAs(grantSchema, await documents.get(KIND, id));
  }

  async function update({ version: read, ...record }: GrantRecord): Promise<GrantRecord | null> {
    const written = await documents.replace(documentOf(record), read, tagsOf(record.id));
    return written ? { ...record, version: read + 1 } : null;
  }

  async function revoke(id: GrantId, at: number): Promise<GrantRecord | null> {
    const { before, written } = await rewrite(
      () => get(id),
      (grant) => (grant === null || grant.revokedAt !== null ? null : { ...grant, revokedAt: at }),
      update,
    );
    // Of a grant that is gone, too: what may be left of it is worth nothing.
    await documents.removeGroup(`grant:${id}`, KINDS_OF_GRANT, tagsOf(id));
    return written ?? before;
  }

  async function list(of: GrantsOf, page: { readonly after?: GrantId; readonly limit: number }) {
    return readAllAs(grantSchema, await documents.list(KIND, groupOf(of), page));
  }

  return {
    async create(record) {
      const made = await documents.insert(documentOf(record), tagsOf(record.id));
      return made ? { ...record, version: 1 } : null;
    },
    get,
    list,
    revoke,
    async revokeAll(of, at) {
      let ended = 0;
      let after: { readonly after?: GrantId } = {};
      for (;;) {
        const page = await list(of, { ...after, limit: PAGE });
        for (const { id, revokedAt } of page) {
          // Those that are revoked too: an earlier call may have been cut off before their tokens were gone.
          await revoke(id, at);
          if (revokedAt === null) ended += 1;
        }
        const last = page.at(-1);
        if (last === undefined || page.length < PAGE) return ended;
        after = { after: last.id };
      }
    },
  };
}

function documentOf({ id, createdAt, expiresAt, ...value }: Omit<GrantRecord, "version">): NewDocument {
  const groups = [ALL, groupOf({ person: value.person }), groupOf({ client: value.client })];
  return { kind: KIND, id, value, createdAt, expiresAt, lookups: [], groups };
}

function tagsOf(id: GrantId): ChangeTag[] {
  return [`grant:${id}`];
}

function groupOf(of: GrantsOf): string {
  if (of === "all") return ALL;
  return "person" in of ? `person:${of.person}` : `client:${of.client}`;
}
