import { hiddenField, notice, problemNotice } from "../../web/fields.ts";
import { type Html, html } from "../../web/html.ts";
import { formActions } from "./form-fields.ts";
import { type Frame, postForm, settingsPage, type Tab } from "./frame.ts";

/** Something that is asked again before it is done. */
export interface Confirmation {
  readonly tab: Tab;
  readonly title: string;
  readonly heading: Html | string;
  /** What it does, in sentences. */
  readonly body: Html;
  /** `null` where it can be undone. */
  readonly warning: string | null;
  readonly action: string;
  readonly button: string;
  readonly cancel: string;
  readonly version?: number | null;
  readonly problem?: string | null;
}

/** Asks before something is taken away. */
export function confirmPage(frame: Frame, view: Confirmation): Html {
  const { version = null } = view;
  const form = html`${version === null ? null : hiddenField("version", String(version))}
  ${formActions(view.button, view.cancel, "danger")}`;
  return settingsPage(frame, {
    tab: view.tab,
    title: view.title,
    heading: html`${view.heading}`,
    up: { label: "Back", href: view.cancel },
    body: html`${problemNotice(view.problem ?? null)}
      <div class="card slim">
        ${view.body} ${view.warning === null ? null : notice("warning", view.warning)}
        ${postForm(frame, view.action, form)}
      </div>`,
  });
}
