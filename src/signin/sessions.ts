import { hash } from "node:crypto";
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { isPersonId, type PersonId } from "../core/ids.ts";
import type { RandomBytes } from "../credentials/key-format.ts";
import { newSecret } from "../credentials/new-ids.ts";
import type { People, PersonRecord } from "../store/people.ts";
import type { DocumentStore, StoredDocument } from "../store/types.ts";

/** A session that is in force. */
export interface Session {
  readonly person: PersonRecord;
  /** Digest of the token: its id in the store. */
  readonly sessionId: string;
  /** Wall clock, ms. */
  readonly signedInAt: number;
  /** When the person proved last who they are, which a company's sign-in may have asked for long before; wall clock ms. */
  readonly provedAt: number;
}

/** A session as a list shows it. Times are wall clock ms. */
export interface StoredSession {
  /** Digest of the token. */
  readonly sessionId: string;
  readonly signedInAt: number;
  readonly expiresAt: number;
}

/** Who is signed in, on all instances. Every method rejects with `StoreUnavailable` where the store does not answer. */
export interface Sessions {
  /**
   * Makes a session of a new token and removes the one that the browser came with, whoever it belonged to: a token
   * that was planted in a browser never becomes a session (fixation). `provedAt` is now where it is not given.
   */
  begin(person: PersonRecord, previousToken: string | null, provedAt?: number): Promise<{ readonly token: string }>;
  /** The person is read anew: `null` for a disabled one, an unknown token, and one past its life. */
  find(token: string): Promise<Session | null>;
  end(token: string): Promise<void>;
  /** Ends every session of a person; returns how many there were. */
  endAll(person: PersonId): Promise<number>;
  /** Those of a person that are in force; newest first, 1000 at most. */
  list(person: PersonId): Promise<readonly StoredSession[]>;
}

export interface SessionsOptions {
  readonly documents: DocumentStore;
  readonly people: Pick<People, "get">;
  readonly clock: Pick<Clock, "now">;
  readonly randomBytes: RandomBytes;
  /** Life of a session from its beginning, in ms; use does not lengthen it. */
  readonly lifeMs: number;
}

const KIND = "signin_session";
/** 256 random bits in base64url. */
const TOKEN = /^[\w-]{43}$/;

const valueSchema = z.object({
  person: z.custom<PersonId>((value) => typeof value === "string" && isPersonId(value)),
  /** Of the person's account when the session began: a session from before the password changed is none. */
  epoch: z.string(),
  provedAt: z.number(),
});

/** See `Sessions`. */
export function createSessions(options: SessionsOptions): Sessions {
  const { documents, people, clock, randomBytes, lifeMs } = options;

  async function load(document: StoredDocument | null): Promise<Session | null> {
    const value = valueSchema.safeParse(document?.value);
    if (document === null || !value.success) return null;
    const person = await people.get(value.data.person);
    if (person === null || person.disabledAt !== null || epochOf(person) !== value.data.epoch) return null;
    return { person, sessionId: document.id, signedInAt: document.createdAt, provedAt: value.data.provedAt };
  }

  return {
    async begin(person, previousToken, provedAt = clock.now()) {
      if (previousToken !== null) await remove(previousToken);
      const token = newSecret(randomBytes);
      const now = clock.now();
      const made = await documents.insert({
        kind: KIND,
        id: idOf(token),
        value: { person: person.id, epoch: epochOf(person), provedAt },
        createdAt: now,
        expiresAt: now + lifeMs,
        lookups: [],
        groups: [groupOf(person.id)],
      });
      if (!made) throw new Error("a random token was taken");
      return { token };
    },
    async find(token) {
      return TOKEN.test(token) ? load(await documents.get(KIND, idOf(token))) : null;
    },
    end: remove,
    endAll: (person) => documents.removeGroup(groupOf(person), [KIND]),
    async list(id) {
      const [person, stored] = await Promise.all([people.get(id), documents.list(KIND, groupOf(id), { limit: 1000 })]);
      if (person === null || person.disabledAt !== null) return [];
      return stored
        .filter(({ value }) => valueSchema.safeParse(value).data?.epoch === epochOf(person))
        .map(({ id: sessionId, createdAt, expiresAt }) => ({
          sessionId,
          signedInAt: createdAt,
          expiresAt: expiresAt ?? createdAt + lifeMs,
        }));
    },
  };

  async function remove(token: string): Promise<void> {
    if (TOKEN.test(token)) await documents.remove(KIND, idOf(token));
  }
}

function groupOf(person: PersonId): string {
  return `person:${person}`;
}

/** 256 random bits need neither salt nor pepper. */
function idOf(token: string): string {
  return hash("sha256", token, "hex");
}

/**
 * A digest of the password as it is stored. It closes the gap between a sign-in with the old password and the end of
 * all sessions at its change: a session that was written in between does not fit the new password. Where a password is
 * stored anew at a higher cost, the person's other sessions end with it.
 */
function epochOf(person: PersonRecord): string {
  return person.password === null ? "" : hash("sha256", person.password, "base64url").slice(0, 22);
}
