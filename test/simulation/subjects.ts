import type { ChangeTag } from "../../src/core/change-tag.ts";
import { isClientId, isCredentialId, isDigest, isGrantId, isPersonId, type Digest } from "../../src/core/ids.ts";
import { KEY_PREFIX } from "../../src/core/key-prefix.ts";
import { createDigester } from "../../src/credentials/digest.ts";
import { createKey } from "../../src/credentials/key-format.ts";
import type { Accepted, CredentialFacts } from "../../src/store/cache.ts";
import type { RecordState } from "./model-server.ts";

/** A credential that clients of the simulation present. */
export interface SimCredential {
  readonly name: string;
  readonly secret: string;
  readonly cacheKey: string;
  readonly digest: Digest;
  /** The records that it hangs on, its own first. `all` is the settings. */
  readonly tags: readonly ChangeTag[];
}

const digester = createDigester({ pepper: null });

/** Alike in every run. */
function credential(number: number, others: readonly ChangeTag[]): SimCredential {
  const secret = createKey((size) => Uint8Array.from({ length: size }, (_, at) => (at * 7 + number * 5) % 248));
  const digest = digester.stored(secret);
  const id = `key_${String(number).padStart(22, "0")}`;
  if (!isCredentialId(id) || !secret.startsWith(KEY_PREFIX)) throw new Error("no credential");
  return {
    name: `key${number}`,
    secret,
    cacheKey: digester.cacheKey(secret),
    digest,
    tags: [`credential:${id}`, ...others, "all"],
  };
}

function person(name: string): ChangeTag {
  const id = `usr_${name.padEnd(20, "0")}`;
  if (!isPersonId(id)) throw new Error("no person");
  return `person:${id}`;
}

function client(name: string): ChangeTag {
  if (!isClientId(name)) throw new Error("no client");
  return `client:${name}`;
}

function grant(name: string): ChangeTag {
  const id = `grant_${name.padEnd(22, "0")}`;
  if (!isGrantId(id)) throw new Error("no grant");
  return `grant:${id}`;
}

const [ada, bob, editor] = [person("ada"), person("bob"), client("editor")];

/** The first is never revoked: with it one sees whether an instance serves. */
export const CREDENTIALS: readonly SimCredential[] = [
  credential(0, []),
  credential(1, []),
  credential(2, [ada, editor, grant("a")]),
  credential(3, [ada]),
  credential(4, [bob, editor]),
  // These two are made in the course of a schedule.
  credential(5, [bob]),
  credential(6, []),
];

const BY_SECRET = new Map(CREDENTIALS.map((each) => [each.secret, each]));
const BY_DIGEST = new Map(CREDENTIALS.map((each) => [each.digest, each]));

export function credentialOf(digest: Digest): SimCredential {
  const found = BY_DIGEST.get(digest);
  if (found === undefined) throw new Error("no such credential");
  return found;
}

/** Digests are looked up: that SHA-256 is right is tested elsewhere, and a schedule asks for thousands. */
export const knownDigester = {
  cacheKey: (secret: string): string => BY_SECRET.get(secret)?.cacheKey ?? "",
  stored(secret: string): Digest {
    const digest = BY_SECRET.get(secret)?.digest;
    if (digest === undefined || !isDigest(digest)) throw new Error("no such credential");
    return digest;
  },
};

/** What an answer was made of: the version of each record that it hangs on. */
export type Seen = ReadonlyMap<ChangeTag, RecordState>;

/** What was read, by the answer that was made of it. */
export const seenIn = new WeakMap<Accepted, Seen>();

export function factsOf(presented: SimCredential, seen: Seen): CredentialFacts {
  const [own] = presented.tags;
  const id = own?.slice("credential:".length) ?? "";
  if (!isCredentialId(id)) throw new Error("no credential");
  const { digest } = presented;
  const accepted: Accepted = {
    ok: true,
    mcpAccess: true,
    digest,
    principal: {
      kind: "api_key",
      credentialId: id,
      subject: presented.name,
      scopes: new Set(),
      portal: null,
      expiresAt: null,
    },
  };
  seenIn.set(accepted, seen);
  const revoked = [...seen.values()].some(({ live }) => !live);
  return { accepted, digest, tags: presented.tags.slice(1), revoked, expiresAt: Infinity };
}
