import type { Chrome } from "../../web/chrome.ts";
import { hiddenField, problemNotice } from "../../web/fields.ts";
import { type Html, html } from "../../web/html.ts";
import { layout } from "../../web/layout.ts";
import { clientSummary, meaning } from "./consent-client.ts";
import { decisionButtons, noDefaultButton, portalChoice, scopeChoice } from "./consent-choices.ts";
import type { ConsentView } from "./consent-view.ts";
import { destination } from "./destination.ts";

/** Asks a person whether a client may act for them. Posts `csrf`, `decision`, `scope` (a list) and `portal`. */
export function consentPage(chrome: Chrome, view: ConsentView): Html {
  const body = html`${problemNotice(view.problem)}
    <h1>Allow this application to act for you?</h1>
    ${clientSummary(view, destination(view.redirectHost))}
    <form method="post" action="${view.action}">
      ${noDefaultButton()} ${hiddenField("csrf", view.csrf)} ${scopeChoice(view)} ${portalChoice(view)}
      ${meaning(chrome, view)} ${decisionButtons(view)}
    </form>`;
  return layout(chrome, { title: "Allow access", body });
}
