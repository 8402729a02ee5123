import { hiddenField } from "../../web/fields.ts";
import { foreignText } from "../../web/foreign-text.ts";
import { attributes, type Html, html } from "../../web/html.ts";
import type { ConsentView } from "./consent-view.ts";

/** More portals than this are a list to choose from, not radio buttons. */
const MOST_RADIOS = 6;

/** What is asked for, each with a box. */
export function scopeChoice({ scopes }: ConsentView): Html {
  if (scopes.length === 0) return html`<p>It asks for nothing that you may allow.</p>`;
  const boxes = scopes.map(
    ({ scope, text, checked }) =>
      html`<li>
        <label class="choice"
          ><input type="checkbox" name="scope" value="${scope}" ${attributes({ checked })} />
          <span>${text} <code>${scope}</code></span></label
        >
      </li>`,
  );
  return html`<fieldset>
    <legend>It will be able to</legend>
    <ul class="choices">
      ${boxes}
    </ul>
  </fieldset>`;
}

/** True where there is something to approve. */
export function canApprove({ scopes, portals }: ConsentView): boolean {
  return scopes.length > 0 && (portals.all || portals.choices.length > 0);
}

/** Where: nothing to choose where there is one answer only. */
export function portalChoice(view: ConsentView): Html {
  const { choices, all, chosen } = view.portals;
  const [only] = choices;
  if (only === undefined) {
    return all ? hiddenField("portal", "") : html`<p>There is no portal that you may give access to.</p>`;
  }
  if (choices.length === 1 && !all) {
    return html`<div class="field">
      <p><strong>On portal</strong> ${foreignText(only.name)}</p>
      ${hiddenField("portal", only.id)}
    </div>`;
  }
  const options = all ? [{ id: "", name: "All portals" }, ...choices] : choices;
  const selected = chosen ?? (all ? "" : null);
  return options.length > MOST_RADIOS ? select(options, selected) : radios(options, selected);
}

type Options = readonly { readonly id: string; readonly name: string }[];

function radios(options: Options, selected: string | null): Html {
  const buttons = options.map(
    ({ id, name }) =>
      html`<li>
        <label class="choice"
          ><input
            type="radio"
            name="portal"
            value="${id}"
            ${attributes({ checked: id === selected, required: true })}
          />
          <span>${foreignText(name)}</span></label
        >
      </li>`,
  );
  return html`<fieldset>
    <legend>On which portal</legend>
    <ul class="choices">
      ${buttons}
    </ul>
  </fieldset>`;
}

function select(options: Options, selected: string | null): Html {
  const list = options.map(
    ({ id, name }) =>
      html`<option value="${id}" ${attributes({ selected: id === selected })}>${foreignText(name)}</option>`,
  );
  const none = selected === null ? html`<option value="" selected disabled>Choose a portal</option>` : null;
  return html`<div class="field">
    <label for="portal">On which portal</label>
    <select name="portal" id="portal" ${attributes({ required: selected === null })}>
      ${none}${list}
    </select>
  </div>`;
}

/** Deny and approve, in this order: should a browser take its default button from here, then it denies. */
export function decisionButtons(view: ConsentView): Html {
  const approve = canApprove(view)
    ? html`<button type="submit" name="decision" value="approve" class="primary">Approve</button>`
    : null;
  return html`<div class="actions">
    <button type="submit" name="decision" value="deny" class="secondary">Deny</button>
    ${approve}
  </div>`;
}

/**
 * Comes first in a form with a decision. The first button is the one that Enter presses in a box or a list (HTML,
 * implicit submission), and this one does nothing: `dialog` sends no form that stands in no dialog. A disabled one would
 * not do, as Chromium goes on to the next, nor a hidden one, as browsers may pass over it.
 */
export function noDefaultButton(): Html {
  return html`<button
    type="submit"
    class="no-default"
    formmethod="dialog"
    formnovalidate
    tabindex="-1"
    aria-hidden="true"
  ></button>`;
}
