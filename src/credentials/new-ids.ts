import { randomBase62, type RandomBytes } from "./key-format.ts";

/** What an id of a kind looks like: its prefix, so many base62 after it, and the guard that knows it. */
interface IdKind<Id extends string> {
  readonly prefix: string;
  readonly length: number;
  readonly is: (text: string) => text is Id;
}

/** A new id of a kind; 20 characters are 119 random bits. */
export function newId<Id extends string>({ is, length, prefix }: IdKind<Id>, randomBytes: RandomBytes): Id {
  const id = prefix + randomBase62(length, randomBytes);
  if (!is(id)) throw new Error("made an id that is none");
  return id;
}

/** A new secret of 256 random bits, 43 characters of base64url: for a cookie, a link, a state. */
export function newSecret(randomBytes: RandomBytes): string {
  return Buffer.from(randomBytes(32)).toString("base64url");
}
