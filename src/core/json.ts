/** Any value that JSON can say (RFC 8259). */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export type StrictJson =
  | { readonly ok: true; readonly value: JsonValue }
  | { readonly ok: false; readonly detail: string; readonly offset: number };

const DEFAULT_MAX_DEPTH = 32;
/** The scanner calls itself once a level, so the bound that a caller may ask for has a bound. */
const GREATEST_MAX_DEPTH = 1000;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenientDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Reads JSON that every reader must read alike. Accepts what `JSON.parse` accepts, but for what readers
 * differ on: bytes that are not UTF-8, a byte order mark, a key that stands twice (unescaped), lone
 * surrogates, numbers beyond a double, the key `__proto__`, and nesting deeper than `maxDepth` (1000 at
 * most). `offset` is where it went wrong, in bytes; the detail quotes nothing of the text.
 */
export function parseStrictJson(bytes: Uint8Array, maxDepth = DEFAULT_MAX_DEPTH): StrictJson {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return { ok: false, detail: "not UTF-8", offset: firstInvalidByte(bytes) };
  }
  const depth = Math.min(maxDepth, GREATEST_MAX_DEPTH);
  // Before parsing: a million brackets would make a million arrays.
  const keys = countKeys(text, depth);
  const value = keys === null ? undefined : parse(text);
  if (value !== undefined && isUnambiguous(value, text, keys)) return { ok: true, value };
  // Refused for certain. What is left to find is where and why, which is slower.
  const scanner = new Scanner(text, depth);
  scanner.document();
  return { ok: false, detail: scanner.detail, offset: encoder.encode(text.slice(0, scanner.at)).length };
}

function parse(text: string): JsonValue | undefined {
  try {
    const value: JsonValue = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

/**
 * True where every reader gets this value from the text. A key that stands twice is in the value once:
 * so its keys are counted, which needs no look at what they are.
 */
function isUnambiguous(value: JsonValue, text: string, keys: number | null): boolean {
  // In text that was UTF-8 a lone surrogate can only come by an escape.
  const walk = new Walk(text.includes("\\u"));
  return walk.accepts(value) && walk.keys === keys;
}

/** Goes over a value: counts its keys, and looks for what readers differ on. */
class Walk {
  keys = 0;
  readonly #hasEscapes: boolean;

  constructor(hasEscapes: boolean) {
    this.#hasEscapes = hasEscapes;
  }

  accepts(value: JsonValue): boolean {
    if (typeof value === "string") return !this.#hasEscapes || value.isWellFormed();
    if (typeof value === "number") return Number.isFinite(value);
    if (typeof value !== "object" || value === null) return true;
    if (isList(value)) {
      for (const member of value) if (!this.accepts(member)) return false;
      return true;
    }
    for (const [key, member] of Object.entries(value)) {
      this.keys++;
      if (key === "__proto__" || (this.#hasEscapes && !key.isWellFormed())) return false;
      if (!this.accepts(member)) return false;
    }
    return true;
  }
}

function isList(value: object): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/**
 * How many keys stand in the text where it is JSON: colons outside of strings. `null` where it nests
 * deeper than `maxDepth` or is no JSON for certain.
 */
function countKeys(text: string, maxDepth: number): number | null {
  let keys = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: // "
        at = closingQuote(text, at + 1);
        if (at === -1) return null;
        break;
      case 0x3a: // :
        keys++;
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > maxDepth) return null;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
        break;
    }
  }
  return keys;
}

/** The quote that ends the string in which `from` stands; -1 where there is none. */
function closingQuote(text: string, from: number): number {
  for (let quote = text.indexOf('"', from); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === 0x5c) backslashes++;
    // Behind an even number of them the quote itself is not escaped.
    if (backslashes % 2 === 0) return quote;
  }
  return -1;
}

/** Where a lenient reading first differs from the bytes. */
function firstInvalidByte(bytes: Uint8Array): number {
  const reread = encoder.encode(lenientDecoder.decode(bytes));
  const length = Math.min(bytes.length, reread.length);
  for (let at = 0; at < length; at++) if (bytes[at] !== reread[at]) return at;
  return length;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const HEX4 = /[0-9A-Fa-f]{4}/y;
const LITERALS: Readonly<Record<string, string>> = { t: "true", f: "false", n: "null" };

/** Goes over the text once. Each method stands at a value, moves behind it, and is false at a mistake. */
class Scanner {
  detail = "not JSON";
  at = 0;
  readonly #text: string;
  readonly #maxDepth: number;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  document(): boolean {
    if (this.#text.charCodeAt(0) === 0xfeff) return this.#fail("byte order mark", 0);
    this.#space();
    if (!this.#value(0)) return false;
    this.#space();
    return this.at === this.#text.length || this.#fail("bytes behind the value", this.at);
  }

  #value(depth: number): boolean {
    switch (this.#text[this.at]) {
      case "{":
        return depth < this.#maxDepth ? this.#object(depth + 1) : this.#fail("nested too deep", this.at);
      case "[":
        return depth < this.#maxDepth ? this.#array(depth + 1) : this.#fail("nested too deep", this.at);
      case '"':
        return this.#string() !== null;
      case "t":
      case "f":
      case "n":
        return this.#literal();
      default:
        return this.#number();
    }
  }

  #object(depth: number): boolean {
    const keys = new Set<string>();
    this.at++;
    this.#space();
    if (this.#take("}")) return true;
    for (;;) {
      const start = this.at;
      const key = this.#string();
      if (key === null) return false;
      if (keys.has(key)) return this.#fail("a key that stands twice", start);
      if (key === "__proto__") return this.#fail("the key __proto__", start);
      keys.add(key);
      this.#space();
      if (!this.#take(":")) return this.#fail("not JSON", this.at);
      this.#space();
      if (!this.#value(depth)) return false;
      this.#space();
      if (this.#take("}")) return true;
      if (!this.#take(",")) return this.#fail("not JSON", this.at);
      this.#space();
    }
  }

  #array(depth: number): boolean {
    this.at++;
    this.#space();
    if (this.#take("]")) return true;
    for (;;) {
      if (!this.#value(depth)) return false;
      this.#space();
      if (this.#take("]")) return true;
      if (!this.#take(",")) return this.#fail("not JSON", this.at);
      this.#space();
    }
  }

  /** The string, unescaped; `null` at a mistake. */
  #string(): string | null {
    const start = this.at;
    if (!this.#take('"')) return this.#failNull("not JSON", start);
    let escaped = false;
    for (; this.at < this.#text.length; this.at++) {
      const code = this.#text.charCodeAt(this.at);
      if (code === 0x22) {
        this.at++;
        const raw = this.#text.slice(start + 1, this.at - 1);
        return escaped ? this.#unescaped(start) : raw;
      }
      if (code < 0x20) return this.#failNull("a control character in a string", this.at);
      if (code !== 0x5c) continue;
      escaped = true;
      if (!this.#escape()) return null;
    }
    return this.#failNull("a string without end", this.at);
  }

  /** Stands at a backslash; moves to the last character of the escape. */
  #escape(): boolean {
    const start = this.at;
    this.at++;
    const kind = this.#text[this.at] ?? "";
    if (kind !== "u") return (kind !== "" && '"\\/bfnrt'.includes(kind)) || this.#fail("a broken escape", start);
    HEX4.lastIndex = this.at + 1;
    if (!HEX4.test(this.#text)) return this.#fail("a broken escape", start);
    this.at += 4;
    return true;
  }

  #unescaped(start: number): string | null {
    const value: string = JSON.parse(this.#text.slice(start, this.at));
    return value.isWellFormed() ? value : this.#failNull("a lone surrogate", start);
  }

  #literal(): boolean {
    const word = LITERALS[this.#text[this.at] ?? ""] ?? "";
    if (!this.#text.startsWith(word, this.at)) return this.#fail("not JSON", this.at);
    this.at += word.length;
    return true;
  }

  #number(): boolean {
    NUMBER.lastIndex = this.at;
    const match = NUMBER.exec(this.#text);
    if (match === null) return this.#fail("not JSON", this.at);
    if (!Number.isFinite(Number(match[0]))) return this.#fail("a number that is too large", this.at);
    this.at += match[0].length;
    return true;
  }

  #space(): void {
    for (; ; this.at++) {
      const code = this.#text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    }
  }

  #take(char: string): boolean {
    if (this.#text[this.at] !== char) return false;
    this.at++;
    return true;
  }

  #fail(detail: string, at: number): false {
    this.detail = detail;
    this.at = at;
    return false;
  }

  #failNull(detail: string, at: number): null {
    this.#fail(detail, at);
    return null;
  }
}
