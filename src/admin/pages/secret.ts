import { notice } from "../../web/fields.ts";
import { type Html, html } from "../../web/html.ts";

/** Text to take along, with a button that copies it; the script shows the button. A click selects all of it. */
export function copyBlock(block: { readonly id: string; readonly label: string; readonly text: string }): Html {
  const { id, label, text } = block;
  return html`<div class="copy">
    <div class="copy-head">
      <h2 id="${id}-label">${label}</h2>
      <button type="button" data-copy="${id}" aria-describedby="${id}-label" hidden>Copy</button>
    </div>
    <pre id="${id}">${text}</pre>
  </div>`;
}

/** A secret that is shown this once. */
export function secretOnce(what: string, secret: string): Html {
  return html`${notice("warning", html`Copy the ${what} now. It is shown only once, and nobody can look it up later.`)}
  ${copyBlock({ id: "secret", label: `The new ${what}`, text: secret })}`;
}
