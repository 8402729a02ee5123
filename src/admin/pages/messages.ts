import type { Chrome } from "../../web/chrome.ts";
import { foreign } from "../../web/foreign-text.ts";
import { type Html, html } from "../../web/html.ts";
import { layout } from "../../web/layout.ts";
import { type Frame, settingsPage, type Tab } from "./frame.ts";

/** Says to somebody who is signed in that these pages are not for them. */
export function forbiddenPage(chrome: Chrome, view: { readonly email: string; readonly account: string }): Html {
  const body = html`<h1>For administrators only</h1>
    <p>You are signed in as ${foreign(view.email, 254)}, who is not an administrator. Ask one for what you need.</p>
    <p><a href="${view.account}">Your account</a></p>`;
  return layout(chrome, { title: "For administrators only", body });
}

/** Says why something was not done, and where to go on. */
export function stoppedPage(
  frame: Frame,
  view: {
    readonly tab: Tab;
    readonly title: string;
    readonly text: string;
    readonly link: { readonly label: string; readonly href: string };
  },
): Html {
  return settingsPage(frame, {
    tab: view.tab,
    title: view.title,
    body: html`<div class="card slim">
      <p>${view.text}</p>
      <div class="actions"><a class="button primary" href="${view.link.href}">${view.link.label}</a></div>
    </div>`,
  });
}
