import type { Clock } from "../core/clock.ts";
import type { FieldProblem } from "../core/field-problem.ts";
import { type CredentialId, isCredentialId, type PortalId, type Scope } from "../core/ids.ts";
import { InvalidRequest } from "../core/invalid-request.ts";
import { checkName, checkPortal, checkScopes, type Rights } from "../core/request-checks.ts";
import type { ApiKeyRecord, KeyStore } from "../store/types.ts";
import type { Digester } from "./digest.ts";
import { createKey, type RandomBytes } from "./key-format.ts";
import { newId } from "./new-ids.ts";

/** What a new key should be, as it came in: nothing in it is trusted. */
export interface KeyRequest {
  readonly name: string;
  readonly scopes: readonly string[];
  /** The one portal the key may act on; `null` is all. */
  readonly portal: string | null;
  /** Lifetime in ms, more than 0 and at most ten years; `null` never ends. */
  readonly expiresInMs: number | null;
  readonly subject: string;
  readonly createdBy: string;
}

/** A key that was just made. `key` is nowhere else: show it once, never log it. */
export interface IssuedKey {
  readonly record: ApiKeyRecord;
  readonly key: string;
}

export type RotateOutcome =
  | { readonly kind: "rotated"; readonly record: ApiKeyRecord; readonly key: string; readonly old: ApiKeyRecord }
  | { readonly kind: "not_found" }
  /** Revoked, expired or rotated before. */
  | { readonly kind: "not_active" };

/** Life of API keys. Every method rejects with `StoreUnavailable` where the store does not answer. */
export interface KeyService {
  /** Makes a key. Rejects with `InvalidRequest` that names every problem. */
  create(request: KeyRequest): Promise<IssuedKey>;
  get(id: CredentialId): Promise<ApiKeyRecord | null>;
  /** Revokes for good, from now on; repeatable. `null` where unknown. */
  revoke(id: CredentialId): Promise<ApiKeyRecord | null>;
  /**
   * Makes a key in place of an old one, with its name, scopes, portal and lifetime. The old one ends after
   * `overlapMs` (0: now), or at its own end where that is sooner. Rejects with `InvalidRequest` on a bad overlap.
   */
  rotate(id: CredentialId, options: { readonly overlapMs: number }): Promise<RotateOutcome>;
}

export interface KeyServiceOptions {
  readonly keys: KeyStore;
  readonly digester: Digester;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** The catalogue: scope → what it means. */
  readonly scopes: Rights["scopes"];
  /** The portals that the rules list; any will do where they list none. */
  readonly portals?: Rights["portals"];
}

/** Ten years of 365 days, the longest lifetime of a key. */
const MAX_LIFETIME_MS = 10 * 365 * 24 * 3600 * 1000;
/** Goes to the upstream in a header field. */
const SUBJECT = /^[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?$/;

interface CheckedRequest {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly portal: PortalId | null;
  readonly expiresAt: number | null;
  readonly subject: string;
  readonly createdBy: string;
}

export function createKeyService(options: KeyServiceOptions): KeyService {
  const { keys, digester, clock, randomBytes, scopes, portals = [] } = options;

  function issue(checked: CheckedRequest, now: number): IssuedKey {
    const key = createKey(randomBytes);
    const id = newId({ prefix: "key_", length: 20, is: isCredentialId }, randomBytes);
    const record: ApiKeyRecord = {
      ...checked,
      id,
      digest: digester.stored(key),
      last4: key.slice(-4),
      createdAt: now,
      revokedAt: null,
      replacedBy: null,
      lastUsedAt: null,
    };
    return { record, key };
  }

  return {
    async create(request) {
      const now = clock.now();
      const issued = issue(checkRequest(request, { scopes, portals }, now), now);
      await keys.create(issued.record);
      return issued;
    },
    get: (id) => keys.get(id),
    revoke: (id) => keys.revoke(id, clock.now()),
    async rotate(id, { overlapMs }) {
      if (!Number.isInteger(overlapMs) || overlapMs < 0 || overlapMs > MAX_LIFETIME_MS) {
        throw new InvalidRequest([{ field: "overlap", text: "the overlap must be between 0 and ten years" }]);
      }
      const old = await keys.get(id);
      if (old === null) return { kind: "not_found" };
      const now = clock.now();
      const { name, scopes: held, portal, subject, createdBy } = old;
      const expiresAt = old.expiresAt === null ? null : now + (old.expiresAt - old.createdAt);
      const issued = issue({ name, scopes: held, portal, subject, createdBy, expiresAt }, now);
      const oldExpiresAt = Math.min(old.expiresAt ?? Infinity, now + overlapMs);
      const result = await keys.rotate(id, issued.record, oldExpiresAt, now);
      return result.kind === "rotated" ? { kind: "rotated", ...issued, old: result.old } : result;
    },
  };
}

function checkRequest(request: KeyRequest, rights: Rights, now: number): CheckedRequest {
  const problems: FieldProblem[] = [];
  const name = checkName(request.name, problems);
  if (request.scopes.length === 0) {
    problems.push({
      field: "scopes",
      text: `a key needs at least one scope of: ${[...rights.scopes.keys()].join(", ")}`,
    });
  }
  const scopes = checkScopes(request.scopes, rights, problems);
  const portal = request.portal === null ? null : checkPortal(request.portal, rights, problems);
  const expiresAt = checkLifetime(request.expiresInMs, now, problems);
  for (const part of ["subject", "createdBy"] as const) {
    if (!SUBJECT.test(request[part]))
      problems.push({ field: part, text: `${part} must be 1 to 200 printable ASCII characters` });
  }
  if (problems.length > 0) throw new InvalidRequest(problems);
  return { name, scopes, portal, expiresAt, subject: request.subject, createdBy: request.createdBy };
}

function checkLifetime(expiresInMs: number | null, now: number, problems: FieldProblem[]): number | null {
  if (expiresInMs === null) return null;
  const add = (text: string): void => void problems.push({ field: "expiry", text });
  if (!Number.isFinite(expiresInMs) || expiresInMs < 1) add("the expiry is in the past");
  else if (expiresInMs > MAX_LIFETIME_MS) add("the expiry is more than ten years away");
  else return now + Math.floor(expiresInMs);
  return null;
}
