import type { Terminal } from "./command.ts";

/** A list as a command prints it: JSON for scripts, else one line for each, or what to do where there is none. */
export function printList<T>(
  items: readonly T[],
  how: {
    readonly json: boolean | undefined;
    readonly asJson: (item: T) => unknown;
    readonly line: (item: T) => string;
    readonly none: string;
  },
  terminal: Pick<Terminal, "out">,
): void {
  if (how.json === true) terminal.out(`${JSON.stringify(items.map((item) => how.asJson(item)))}\n`);
  else if (items.length === 0) terminal.out(`${how.none}\n`);
  else terminal.out(items.map((item) => `${how.line(item)}\n`).join(""));
}

/** The facts that there are, one a line, their names in a column of `width`. */
export function factLines(facts: Readonly<Record<string, unknown>>, width: number): string {
  return Object.entries(facts)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name.padEnd(width)} ${plain(Array.isArray(value) ? value.join(" ") : String(value))}\n`)
    .join("");
}

/** RFC 3339 in UTC. */
export function isoTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

/** Text of a stranger without what moves a terminal's cursor or turns its text about. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "\uFFFD");
}

/** As `plain`, for text of several lines. */
export function plainLines(text: string): string {
  return text.split("\n").map(plain).join("\n");
}
