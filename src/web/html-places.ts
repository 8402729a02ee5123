import { URL_ATTRIBUTES } from "./safe-url.ts";

/** Where a value of a template stands, told from the literal text around it. */
export type Place =
  | { readonly kind: "text" }
  /** Between the attributes of a tag. */
  | { readonly kind: "tag" }
  /** Inside a double-quoted attribute value. */
  | { readonly kind: "attribute"; readonly isUrl: boolean };

/** What the scanner knows at one point of the literal text. */
type State =
  | { readonly kind: "text" }
  | { readonly kind: "tag" }
  | { readonly kind: "value"; readonly name: string; readonly begun: string };

const TEXT: State = { kind: "text" };
const TAG: State = { kind: "tag" };
const ATTRIBUTE = /^[\s/]*([^\s"'<>/=]+)(?:(=)(")?)?/;
/** Elements whose text is not read as other text is, but for `title` and `textarea`, whose text is escaped the same. */
const RAW_TEXT = /^<(?:script|style|xmp|iframe|noembed|noframes|plaintext|template)(?=[\s/>])/i;

/** The same literal text comes again with every call of a template: it is read once. */
const known = new WeakMap<TemplateStringsArray, readonly Place[]>();

/** The places of a template's values, in order. Throws where a value would stand somewhere unsafe. */
export function placesOf(strings: TemplateStringsArray): readonly Place[] {
  const found = known.get(strings);
  if (found !== undefined) return found;
  const places: Place[] = [];
  let state: State = TEXT;
  for (const literal of strings.slice(0, -1)) {
    state = scan(literal, state);
    places.push(placeOf(state));
    // Behind the value, the attribute has begun.
    if (state.kind === "value") state = { ...state, begun: `${state.begun}x` };
  }
  known.set(strings, places);
  return places;
}

function placeOf(state: State): Place {
  if (state.kind !== "value") return state;
  const isUrl = URL_ATTRIBUTES.has(state.name.toLowerCase());
  // A piece of a URL could change what the whole means; behind `#` it cannot.
  if (isUrl && state.begun !== "" && !state.begun.startsWith("#")) throw new Error("html: a URL is one whole value");
  if (/^on|^style$|^srcdoc$/i.test(state.name)) throw new Error("html: no values in scripts and styles");
  return { kind: "attribute", isUrl: isUrl && state.begun === "" };
}

function scan(literal: string, from: State): State {
  let state = from;
  let rest = literal;
  while (rest !== "") {
    const step = next(rest, state);
    state = step.state;
    rest = step.rest;
  }
  return state;
}

interface Step {
  readonly state: State;
  readonly rest: string;
}

function next(rest: string, state: State): Step {
  if (state.kind === "text") return nextInText(rest);
  if (state.kind === "tag") return nextInTag(rest);
  const end = rest.indexOf('"');
  if (end === -1) return { state: { ...state, begun: state.begun + rest }, rest: "" };
  return { state: TAG, rest: rest.slice(end + 1) };
}

function nextInText(rest: string): Step {
  const open = rest.indexOf("<");
  if (open === -1) return { state: TEXT, rest: "" };
  const tag = rest.slice(open);
  if (tag.startsWith("<!--")) throw new Error("html: no comments in templates");
  if (RAW_TEXT.test(tag)) throw new Error("html: no scripts, styles or other raw text");
  const name = /^<[/!]?[A-Za-z][A-Za-z0-9-]*/.exec(tag);
  if (name === null) throw new Error("html: a tag whose name is not written out");
  return { state: TAG, rest: tag.slice(name[0].length) };
}

function nextInTag(rest: string): Step {
  const trimmed = rest.replace(/^[\s/]+/, "");
  if (trimmed === "") return { state: TAG, rest: "" };
  if (trimmed.startsWith(">")) return { state: TEXT, rest: trimmed.slice(1) };
  const attribute = ATTRIBUTE.exec(trimmed);
  if (attribute === null) throw new Error("html: a tag that is not well-formed");
  const [whole, name = "", equals, quote] = attribute;
  if (equals !== undefined && quote === undefined) throw new Error("html: attribute values stand in double quotes");
  const after = trimmed.slice(whole.length);
  return { state: quote === undefined ? TAG : { kind: "value", name, begun: "" }, rest: after };
}
