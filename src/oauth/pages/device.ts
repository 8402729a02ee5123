import type { Chrome } from "../../web/chrome.ts";
import { hiddenField, notice, problemNotice, textField } from "../../web/fields.ts";
import { cleanText, foreign } from "../../web/foreign-text.ts";
import { type Html, html } from "../../web/html.ts";
import { layout } from "../../web/layout.ts";
import { ago, time } from "../../web/time.ts";
import { clientSummary, meaning } from "./consent-client.ts";
import { decisionButtons, noDefaultButton, portalChoice, scopeChoice } from "./consent-choices.ts";
import type { DeviceView } from "./consent-view.ts";

/** Longest text that can hold a code with all the marks that people put between its letters. */
const LONGEST_CODE = 64;

export interface DeviceCodeForm {
  readonly action: string;
  readonly csrf: string;
  /** What was typed, or came with the link. */
  readonly code: string;
  readonly problem: string | null;
}

/** Asks for the code that a device shows (RFC 8628, section 3.3). Posts `csrf` and `user_code`. */
export function deviceCodePage(chrome: Chrome, form: DeviceCodeForm): Html {
  const body = html`<h1>Connect a device</h1>
    <p>Enter the code that your device or application shows.</p>
    <form method="post" action="${form.action}">
      ${hiddenField("csrf", form.csrf)}
      ${textField({
        name: "user_code",
        label: "Code",
        hint: "Eight letters, such as BCDF-GHJK. Capitals and the dash do not matter.",
        value: cleanText(form.code, LONGEST_CODE),
        problem: form.problem,
        autocomplete: "off",
        autofocus: true,
        verbatim: true,
        look: "code",
        maxlength: LONGEST_CODE,
      })}
      <div class="actions"><button type="submit" class="primary">Go on</button></div>
    </form>`;
  return layout(chrome, { title: "Connect a device", body });
}

/** Asks a person whether a device may act for them (RFC 8628, section 5.4). Posts what consent does, and `user_code`. */
export function deviceConfirmPage(chrome: Chrome, view: DeviceView): Html {
  const { requestedFrom, userCode } = view;
  const body = html`${problemNotice(view.problem)}
    <h1>Allow this device to act for you?</h1>
    <p>Does your device show this code?</p>
    <p class="user-code">${cleanText(userCode, LONGEST_CODE)}</p>
    ${notice("warning", "Only go on if you started this yourself, just now. If somebody sent you the code or this link, deny it.")}
    <dl class="facts">
      <div>
        <dt>Asked from</dt>
        <dd>address ${foreign(requestedFrom.address)}</dd>
      </div>
      <div>
        <dt>Asked</dt>
        <dd>${ago(requestedFrom.at, view.now)}, on ${time(requestedFrom.at)}</dd>
      </div>
    </dl>
    ${clientSummary(view, null)}
    <form method="post" action="${view.action}">
      ${noDefaultButton()} ${hiddenField("csrf", view.csrf)} ${hiddenField("user_code", userCode)} ${scopeChoice(view)}
      ${portalChoice(view)} ${meaning(chrome, view)} ${decisionButtons(view)}
    </form>`;
  return layout(chrome, { title: "Confirm the device", body });
}
