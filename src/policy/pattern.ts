import { parseTarget } from "../core/target.ts";

/** One segment of a path pattern. */
export type Segment =
  | { readonly kind: "static"; readonly text: string }
  | { readonly kind: "param"; readonly name: string };

/** A path pattern: segments, then either the end or any rest. */
export interface PathPattern {
  readonly text: string;
  readonly segments: readonly Segment[];
  /** Ends in `*`: zero or more further segments. */
  readonly open: boolean;
}

export type ParsedPattern =
  | { readonly ok: true; readonly pattern: PathPattern }
  | { readonly ok: false; readonly message: string };

const PARAM = /^:[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/** Reads `/static/:name/*`. Static text must be in the one form that requests may have (see `parseTarget`). */
export function parsePattern(text: string): ParsedPattern {
  if (!text.startsWith("/")) return refuse("a path starts with `/`");
  const parts = text.slice(1).split("/");
  const open = parts.at(-1) === "*";
  if (open) parts.pop();
  const names = new Set<string>();
  const segments: Segment[] = [];
  for (const part of parts) {
    if (part.startsWith(":")) {
      if (!PARAM.test(part)) return refuse(`a parameter is \`:\` and a name of letters, digits and \`_\``);
      const name = part.slice(1);
      if (names.has(name)) return refuse(`the parameter \`${part}\` stands twice`);
      names.add(name);
      segments.push({ kind: "param", name });
    } else if (part.includes("*")) {
      return refuse("`*` stands alone, as the last segment");
    } else {
      segments.push({ kind: "static", text: part });
    }
  }
  const problem = staticProblem(segments);
  return problem === null ? { ok: true, pattern: { text, segments, open } } : refuse(problem);
}

function staticProblem(segments: readonly Segment[]): string | null {
  const plain = segments.map((segment) => (segment.kind === "static" ? segment.text : "x")).join("/");
  if (plain.includes("?")) return "a path has no query";
  const target = parseTarget(`/${plain}`);
  return target.ok ? null : `no request can have this path: ${target.detail}`;
}

/** Equal for patterns that match the same paths: names of parameters do not count. */
export function patternKey(pattern: PathPattern): string {
  const parts = pattern.segments.map((segment) => (segment.kind === "static" ? segment.text : ":"));
  return `/${[...parts, ...(pattern.open ? ["*"] : [])].join("/")}`;
}

function refuse(message: string): ParsedPattern {
  return { ok: false, message };
}
