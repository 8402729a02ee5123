import type { ClientId, CredentialId, Digest, GrantId, PersonId } from "./ids.ts";

/** What a change touches: every cached entry that carries one of the tags is dropped, and its streams are looked at. */
export type ChangeTag =
  | `credential:${CredentialId}`
  | `digest:${Digest}`
  | `client:${ClientId}`
  | `person:${PersonId}`
  | `grant:${GrantId}`
  | "all";
