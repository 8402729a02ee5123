import { type Html, html } from "./html.ts";

/** How many characters of a foreign text are shown, unless told. */
const LONGEST = 80;
/** Controls, bidi and other invisible characters, private use, lone surrogates, unassigned. */
const HIDDEN = /[\p{C}\p{Default_Ignorable_Code_Point}]/gu;
/** What ends or spaces a line; U+FEFF among them is invisible. */
const SPACE = /(?!\ufeff)\s/gu;
/** Marks piled on one letter reach into the lines around it. */
const PILED_MARKS = /(\p{M}{2})\p{M}+/gu;
/** Nothing that can be seen. */
const BLANK = /^[\s\u2800]*$/u;

/**
 * Text that others chose (a client's name, a person's name) in a form that cannot pass for ours: one line, at most
 * `longest` characters, without characters that hide, turn or pile up text. `(no name)` where nothing is left.
 */
export function foreignText(text: string, longest: number = LONGEST): string {
  return cleanText(text, longest) || "(no name)";
}

/** As `foreignText`, and empty where nothing is left: for the value of a field. */
export function cleanText(text: string, longest: number): string {
  // Bounded first: the rest walks over all of it.
  const clean = text
    .slice(0, longest * 16)
    .replace(SPACE, " ")
    .replace(HIDDEN, "")
    .normalize("NFC")
    .replace(PILED_MARKS, "$1")
    .replace(/ {2,}/g, " ")
    .trim();
  if (BLANK.test(clean)) return "";
  // By code points: a grapheme can be of any length.
  const characters = Array.from(clean);
  return characters.length <= longest ? clean : `${characters.slice(0, longest - 1).join("")}…`;
}

/** Foreign text as markup: isolated from the direction of the text around it, and set apart by its looks. */
export function foreign(text: string, longest?: number): Html {
  return html`<bdi class="foreign">${foreignText(text, longest)}</bdi>`;
}
