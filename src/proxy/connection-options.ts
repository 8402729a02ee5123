/** `Connection` values that name no other field. */
const PLAIN = /^\s*(?:keep-alive|close|upgrade|te)?\s*(?:,\s*(?:keep-alive|close|upgrade|te)\s*)*$/i;
const NONE: readonly string[] = [];

/** The fields that a `Connection` value names, lower case: they end here (RFC 9110 §7.6.1). */
export function connectionNames(connection: string | null): readonly string[] {
  if (connection === null || PLAIN.test(connection)) return NONE;
  return connection.split(",").map((name) => name.trim().toLowerCase());
}
