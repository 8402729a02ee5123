import type { Clock } from "../core/clock.ts";
import { isCredentialId } from "../core/ids.ts";
import type { KeyService } from "../credentials/key-service.ts";
import { keyState } from "../credentials/key-state.ts";
import type { KeyStore } from "../store/types.ts";
import type { KeysAdministration } from "./administration.ts";
import { keyFields } from "./audit-fields.ts";
import type { AuditTrail } from "./audit-trail.ts";
import { checked } from "./invalid.ts";
import { cursorAs, pageOf } from "./paging.ts";

/** API keys in the hands of an administrator. */
export function createKeysAdministration(deps: {
  readonly keys: KeyService;
  readonly keyStore: Pick<KeyStore, "list">;
  readonly clock: Pick<Clock, "now">;
  readonly trail: AuditTrail;
}): KeysAdministration {
  const { keys, keyStore, clock, trail } = deps;
  return {
    async list({ after, limit, search, state }) {
      const page = {
        ...cursorAs(after, isCredentialId),
        limit: limit + 1,
        ...(search === undefined ? {} : { search }),
        ...(state === undefined ? {} : { state }),
      };
      return pageOf(await keyStore.list(page), limit, ({ id }) => id);
    },
    get: (id) => keys.get(id),
    async create(actor, { subject, ...wanted }) {
      trail.requireRecord();
      const request = { ...wanted, subject: subject ?? actor.subject, createdBy: actor.subject };
      const issued = await checked(keys.create(request), { expiry: "expires_in" });
      const { record } = issued;
      trail.record(actor, { action: "key.create", target: record.id, before: null, after: keyFields(record) });
      return issued;
    },
    async revoke(actor, id) {
      const before = await keys.get(id);
      const record = await keys.revoke(id);
      if (before === null || record === null) return { kind: "not_found" };
      if (before.revokedAt !== null) return { kind: "unchanged", record };
      trail.record(actor, { action: "key.revoke", target: id, before: keyFields(before), after: keyFields(record) });
      return { kind: "changed", before, record };
    },
    async rotate(actor, id, options) {
      trail.requireRecord();
      const before = await keys.get(id);
      const outcome = await checked(keys.rotate(id, options));
      if (before === null || outcome.kind !== "rotated") return outcome.kind === "rotated" ? NOT_FOUND : outcome;
      trail.record(actor, {
        action: "key.rotate",
        target: id,
        before: keyFields(before),
        after: keyFields(outcome.old),
        detail: `replaced by ${outcome.record.id}`,
      });
      return outcome;
    },
    state: (record) => keyState(record, clock.now()),
  };
}

const NOT_FOUND = { kind: "not_found" } as const;
