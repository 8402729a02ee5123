/** The facts that there are, one a line, their names in a column of `width`. */
export function factLines(facts: Readonly<Record<string, unknown>>, width: number): string {
  return Object.entries(facts)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name.padEnd(width)} ${plain(Array.isArray(value) ? value.join(" ") : String(value))}\n`)
    .join("");
}

/** Text of a stranger without what moves a terminal's cursor or turns its text about. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "\uFFFD");
}

/** As `plain`, for text of several lines. */
export function plainLines(text: string): string {
  return text.split("\n").map(plain).join("\n");
}
