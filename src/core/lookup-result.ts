/** How the answer on a credential was found. */
export type LookupResult = "hit" | "miss" | "negative" | "bad_checksum" | "malformed" | "stale";
