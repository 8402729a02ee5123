/** Options that name no field of their own. */
const PLAIN = new Set(["keep-alive", "close", "upgrade", "te", ""]);
const NONE: readonly string[] = [];

/** The fields that a `Connection` value names, lower case: they end here (RFC 9110 §7.6.1). */
export function connectionNames(connection: string | null): readonly string[] {
  if (connection === null || PLAIN.has(connection)) return NONE;
  const names = connection.split(",", MAX_NAMES).map((name) => name.trim().toLowerCase());
  return names.every((name) => PLAIN.has(name)) ? NONE : names;
}

/** A head of the greatest size has no more names that could be fields. */
const MAX_NAMES = 32_768;
