import { type Place, placesOf } from "./html-places.ts";
import { isSafeUrl, URL_ATTRIBUTES } from "./safe-url.ts";

const markup = Symbol("markup");

/** Markup that this file has escaped. The symbol isn't exported: nothing else may make `Html` from text. */
interface Trusted {
  readonly [markup]: string;
}

/** Markup that may stand in a page as it is. Only `html` and `scriptElement` make it. */
export class Html {
  readonly #text: string;

  constructor(trusted: Trusted) {
    this.#text = trusted[markup];
  }

  toString(): string {
    return this.#text;
  }
}

/** Attributes of one tag, each with a space before it. Stands inside a tag only. */
export class Attributes {
  readonly #text: string;

  constructor(trusted: Trusted) {
    this.#text = trusted[markup];
  }

  toString(): string {
    return this.#text;
  }
}

/** What may stand in a template: text is escaped, `null`, `undefined` and `false` leave nothing. */
export type HtmlValue = Html | Attributes | string | number | null | undefined | false | readonly HtmlValue[];

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
};

/** Text that can stand between tags and inside a quoted attribute value. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`]/g, (character) => ESCAPES[character] ?? "");
}

/**
 * Makes markup: html`<p>${text}</p>`. Values are escaped. A value may stand between tags, inside a double-quoted
 * attribute value, or, made by `attributes`, inside a tag. Anywhere else (an attribute without quotes, a comment,
 * `<script>`, `<style>`) the template throws, and so does a URL attribute with what `isSafeUrl` refuses.
 */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  const places = placesOf(strings);
  let text = strings[0] ?? "";
  for (const [index, value] of values.entries()) {
    const place = places[index];
    if (place === undefined) throw new Error("html: a value without a place");
    text += render(value, place) + (strings[index + 1] ?? "");
  }
  return new Html({ [markup]: text });
}

function render(value: HtmlValue, place: Place): string {
  if (value instanceof Attributes) {
    if (place.kind !== "tag") throw new Error("html: attributes stand inside a tag");
    return value.toString();
  }
  if (place.kind === "tag") throw new Error("html: only attributes() may stand inside a tag");
  if (place.kind === "attribute") return renderAttribute(value, place.isUrl);
  if (value instanceof Html) return value.toString();
  if (value === null || value === undefined || value === false) return "";
  if (typeof value === "object") return value.map((item) => render(item, place)).join("");
  return escapeHtml(String(value));
}

function renderAttribute(value: HtmlValue, isUrl: boolean): string {
  if (typeof value !== "string" && typeof value !== "number") throw new Error("html: an attribute takes text");
  return isUrl ? escapeHtml(checkUrl(String(value))) : escapeHtml(String(value));
}

function checkUrl(url: string): string {
  if (!isSafeUrl(url)) throw new Error("html: a link leads to a path or an http(s) URL");
  return url;
}

const ATTRIBUTE_NAME = /^[a-z][a-z0-9-]*$/;

/**
 * Attributes for a tag: html`<input${attributes({ name, checked })}>`. True is the name alone; false, `null` and
 * `undefined` leave it out. Throws on event handlers, `style`, and URLs that `isSafeUrl` refuses.
 */
export function attributes(list: Readonly<Record<string, string | number | boolean | null | undefined>>): Attributes {
  let text = "";
  for (const [name, value] of Object.entries(list)) {
    if (value === false || value === null || value === undefined) continue;
    if (!ATTRIBUTE_NAME.test(name) || name.startsWith("on") || name === "style" || name === "srcdoc") {
      throw new Error("html: not an attribute that pages use");
    }
    if (value === true) text += ` ${name}`;
    else if (URL_ATTRIBUTES.has(name)) text += ` ${name}="${escapeHtml(checkUrl(String(value)))}"`;
    else text += ` ${name}="${escapeHtml(String(value))}"`;
  }
  return new Attributes({ [markup]: text });
}

/** A script of ours, run when the page is read. Throws where `path` is no path of this origin. */
export function scriptElement(path: string): Html {
  if (!path.startsWith("/")) throw new Error("html: scripts are files of ours");
  return new Html({ [markup]: `<script src="${escapeHtml(checkUrl(path))}" defer></script>` });
}
