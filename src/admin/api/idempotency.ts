import { hash } from "node:crypto";
import { z } from "zod";
import type { Clock } from "../../core/clock.ts";
import type { Digester } from "../../credentials/digest.ts";
import type { DocumentStore, NewDocument } from "../../store/types.ts";
import { ApiProblem } from "./problem.ts";

/** An answer as it is kept for a replay, without its secret. */
export interface KeptAnswer {
  readonly body: unknown;
  readonly version?: number | undefined;
}

/** A request that may come again: whose it is, under which key, and what it asks. */
export interface RepeatableRequest {
  readonly caller: string;
  readonly key: string;
  readonly operation: string;
  readonly input: unknown;
}

export type Begun =
  | { readonly kind: "first"; done(answer: KeptAnswer): Promise<void>; failed(): Promise<void> }
  | { readonly kind: "replay"; readonly answer: KeptAnswer };

/**
 * Keeps a create from happening twice: over all instances, for 24 hours from the first request. Rejects with
 * `StoreUnavailable`, and with `ApiProblem`: `idempotency_mismatch` where the key was used for another request,
 * `conflict` while the first is under way, and where nobody knows what became of it because its process died.
 */
export interface Idempotency {
  begin(request: RepeatableRequest): Promise<Begun>;
}

export const IDEMPOTENCY_KEY_PATTERN = /^[\x21-\x7e]{1,128}$/;

const KIND = "idempotency";
const KEPT_MS = 24 * 3600 * 1000;

const valueSchema = z.object({
  fingerprint: z.string(),
  answer: z.object({ body: z.unknown(), version: z.number().optional() }).nullable(),
});

/** See `Idempotency`. */
export function createIdempotency(options: {
  readonly documents: DocumentStore;
  readonly clock: Pick<Clock, "now">;
  readonly digester: Pick<Digester, "stored">;
}): Idempotency {
  const { clock, digester, documents } = options;
  return {
    async begin({ caller, input, key, operation }) {
      const id = hash("sha256", JSON.stringify([caller, key]), "hex");
      // With the pepper: a request may hold a password.
      const fingerprint = digester.stored(JSON.stringify([operation, input]));
      const now = clock.now();
      const document = (answer: KeptAnswer | null): NewDocument => ({
        kind: KIND,
        id,
        value: { fingerprint, answer },
        createdAt: now,
        expiresAt: now + KEPT_MS,
        lookups: [],
        groups: [],
      });
      if (await documents.insert(document(null))) {
        return {
          kind: "first",
          done: async (answer) => void (await documents.put(document(answer))),
          failed: async () => void (await documents.remove(KIND, id)),
        };
      }
      const value = valueSchema.safeParse((await documents.get(KIND, id))?.value);
      if (value.success && value.data.fingerprint !== fingerprint) throw new ApiProblem("idempotency_mismatch");
      if (value.success && value.data.answer !== null) return { kind: "replay", answer: value.data.answer };
      throw new ApiProblem("conflict", { detail: UNDER_WAY });
    },
  };
}

const UNDER_WAY =
  "A request with this idempotency key is under way. Where this stays so, look whether it was done, and take a new key.";
