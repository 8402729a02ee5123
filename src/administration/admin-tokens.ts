import type { Clock } from "../core/clock.ts";
import type { Digester } from "../credentials/digest.ts";
import { randomBase62, type RandomBytes } from "../credentials/key-format.ts";
import type { AdminTokenRecord, AdminTokens } from "../store/admin-tokens.ts";
import type { People } from "../store/people.ts";
import { rewrite } from "../store/typed-document.ts";
import type { AdminTokenView, TokensAdministration } from "./administration.ts";
import { tokenFields } from "./audit-fields.ts";
import type { AuditTrail } from "./audit-trail.ts";
import type { Authority } from "./authority.ts";
import type { FieldProblem } from "../core/field-problem.ts";
import { InvalidRequest } from "../core/invalid-request.ts";
import { cursorAs, pageOf } from "./paging.ts";

/** What every admin token starts with; 43 letters and digits follow (256 bits). */
export const ADMIN_TOKEN_PREFIX = "noice_admin_";

const TOKEN = /^noice_admin_[0-9A-Za-z]{43}$/;
const TOKEN_ID = /^adm_[0-9A-Za-z]{20}$/;
/** It stands in the audit as who did something. */
const NAME = /^[0-9A-Za-z](?:[0-9A-Za-z ._-]{0,58}[0-9A-Za-z])?$/;
const MAX_LIFE_MS = 10 * 365 * 24 * 3600 * 1000;
/** How exact `lastUsedAt` is: a write for each use would be one for each request. */
const LAST_USED_MS = 60_000;

/** Narrows the id of an admin token. */
export function isAdminTokenId(text: string): text is `adm_${string}` {
  return TOKEN_ID.test(text);
}

/** Tells whose a presented token is. */
export interface AdminTokenCheck {
  /**
   * `null` for one that is unknown, malformed, expired or revoked, and for one of somebody who is no administrator any
   * more. Rejects with `StoreUnavailable`.
   */
  verify(token: string): Promise<AdminTokenView | null>;
}

export interface AdminTokensDeps {
  readonly tokens: AdminTokens;
  readonly digester: Digester;
  readonly clock: Pick<Clock, "now">;
  readonly randomBytes: RandomBytes;
}

/** See `AdminTokenCheck`. */
export function createAdminTokenCheck({
  tokens,
  people,
  digester,
  clock,
}: Omit<AdminTokensDeps, "randomBytes"> & { readonly people: Pick<People, "findByEmail"> }): AdminTokenCheck {
  /** A token is worth what the administrator is who made it. At the command line there is nobody to look up. */
  async function stands(createdBy: string): Promise<boolean> {
    if (createdBy.startsWith("cli:")) return true;
    const person = await people.findByEmail(createdBy);
    return person !== null && person.disabledAt === null && person.role === "admin";
  }

  return {
    async verify(token) {
      if (!TOKEN.test(token)) return null;
      const record = await tokens.findByDigest(digester.stored(token));
      const now = clock.now();
      if (record === null || record.revokedAt !== null) return null;
      if (record.endsAt !== null && record.endsAt <= now) return null;
      if (!(await stands(record.createdBy))) return null;
      // Where somebody else writes at the same time, their time is as good.
      if (now - (record.lastUsedAt ?? 0) >= LAST_USED_MS) await tokens.update({ ...record, lastUsedAt: now });
      return viewOf(record);
    },
  };
}

/** Tokens for scripts, in the hands of an administrator. */
export function createTokensAdministration({
  tokens,
  digester,
  clock,
  randomBytes,
  trail,
  authority,
}: AdminTokensDeps & { readonly trail: AuditTrail; readonly authority: Authority }): TokensAdministration {
  return {
    async list({ after, limit }) {
      const records = await tokens.list({ ...cursorAs(after, isAdminTokenId), limit: limit + 1 });
      return pageOf(records.map(viewOf), limit, ({ id }) => id);
    },
    async get(id) {
      const record = isAdminTokenId(id) ? await tokens.get(id) : null;
      return record === null ? null : viewOf(record);
    },
    async create(actor, { name, expiresInMs }) {
      trail.requireRecord();
      authority.requireOf(actor, "token.create", null);
      requireValid(name, expiresInMs);
      const token = ADMIN_TOKEN_PREFIX + randomBase62(43, randomBytes);
      const now = clock.now();
      const made = await tokens.create({
        id: `adm_${randomBase62(20, randomBytes)}`,
        digest: digester.stored(token),
        name,
        createdAt: now,
        createdBy: actor.subject,
        endsAt: expiresInMs === null ? null : now + expiresInMs,
        revokedAt: null,
        lastUsedAt: null,
      });
      if (made === null) throw new InvalidRequest([{ field: "name", text: "another token has this name" }]);
      const record = viewOf(made);
      trail.record(actor, { action: "token.create", target: record.id, before: null, after: tokenFields(record) });
      return { record, token };
    },
    async revoke(actor, id) {
      const { before, written } = await rewrite(
        () => tokens.get(id),
        (current) => (current === null || current.revokedAt !== null ? null : { ...current, revokedAt: clock.now() }),
        (wanted) => tokens.update(wanted),
      );
      if (before === null) return { kind: "not_found" };
      if (written === null) return { kind: "unchanged", record: viewOf(before) };
      const [was, record] = [viewOf(before), viewOf(written)];
      const fields = { before: tokenFields(was), after: tokenFields(record) };
      trail.record(actor, { action: "token.revoke", target: id, ...fields });
      return { kind: "changed", before: was, record };
    },
  };
}

function requireValid(name: string, expiresInMs: number | null): void {
  const problems: FieldProblem[] = [];
  if (!NAME.test(name)) {
    problems.push({ field: "name", text: "the name must be 1 to 60 letters, digits, spaces, dots, _ or -" });
  }
  if (expiresInMs !== null && !(Number.isSafeInteger(expiresInMs) && expiresInMs >= 1 && expiresInMs <= MAX_LIFE_MS)) {
    problems.push({ field: "expires_in", text: "the expiry must be at most ten years away" });
  }
  if (problems.length > 0) throw new InvalidRequest(problems);
}

function viewOf(record: AdminTokenRecord): AdminTokenView {
  const { createdAt, createdBy, endsAt, id, lastUsedAt, name, revokedAt } = record;
  return { id, name, createdAt, createdBy, expiresAt: endsAt, revokedAt, lastUsedAt };
}
