import type { Chrome } from "../../web/chrome.ts";
import { hiddenField, problemNotice, textField } from "../../web/fields.ts";
import { foreign } from "../../web/foreign-text.ts";
import { type Html, html } from "../../web/html.ts";
import { layout } from "../../web/layout.ts";

export interface SignInForm {
  readonly action: string;
  readonly csrf: string;
  /** What was typed before. */
  readonly email: string;
  /** Where to go afterwards, a path of ours; empty for none. */
  readonly returnTo: string;
  /** Somebody is signed in already, and what they want to do asks them to prove it. */
  readonly again: boolean;
  readonly problem: string | null;
  /** Sign-in through the company's provider. */
  readonly company: { readonly name: string; readonly href: string } | null;
  /** The client that waits for the sign-in, where one does. */
  readonly clientName: string | null;
}

/** Asks who the person is. Posts `csrf`, `email`, `password`, `return_to` and `again`. */
export function signInPage(chrome: Chrome, form: SignInForm): Html {
  const title = form.again ? "Confirm that it is you" : "Sign in";
  const body = html`${problemNotice(form.problem)}
    <h1>${title}</h1>
    ${form.again ? html`<p>You signed in a while ago. What comes next needs a fresh sign-in.</p>` : null}
    ${form.clientName === null ? null : html`<p>Continue to ${foreign(form.clientName)}</p>`} ${companyLink(form)}
    <form method="post" action="${form.action}">
      ${hiddenField("csrf", form.csrf)} ${hiddenField("return_to", form.returnTo)}
      ${form.again ? hiddenField("again", "1") : null}
      ${textField({
        name: "email",
        label: "Email",
        type: "email",
        value: form.email,
        autocomplete: "username",
        inputmode: "email",
        verbatim: true,
        maxlength: 254,
        autofocus: form.problem === null && form.company === null && form.email === "",
      })}
      ${textField({
        name: "password",
        label: "Password",
        type: "password",
        autocomplete: "current-password",
        maxlength: 256,
        autofocus: form.problem === null && form.company === null && form.email !== "",
      })}
      <div class="actions"><button type="submit" class="primary">Sign in</button></div>
    </form>`;
  return layout(chrome, { title, body });
}

function companyLink({ company }: SignInForm): Html | null {
  if (company === null) return null;
  return html`<p><a class="button block" href="${company.href}">Sign in with ${company.name}</a></p>
    <p class="divider"><span>or with a local account</span></p>`;
}
