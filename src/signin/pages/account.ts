import type { Chrome } from "../../web/chrome.ts";
import { foreign } from "../../web/foreign-text.ts";
import { type Html, html } from "../../web/html.ts";
import { layout } from "../../web/layout.ts";

export interface Account {
  readonly name: string;
  readonly email: string;
  readonly role: string;
  readonly links: readonly { readonly label: string; readonly href: string }[];
}

/** Shows who is signed in, and where they may go. */
export function accountPage(chrome: Chrome, account: Account): Html {
  const links = account.links.map(({ label, href }) => html`<li><a href="${href}">${label}</a></li>`);
  const body = html`<h1>You are signed in</h1>
    <dl class="facts">
      <div>
        <dt>Name</dt>
        <dd>${foreign(account.name)}</dd>
      </div>
      <div>
        <dt>Email</dt>
        <dd>${foreign(account.email)}</dd>
      </div>
      <div>
        <dt>Role</dt>
        <dd>${account.role === "admin" ? "Administrator" : "Member"}</dd>
      </div>
    </dl>
    ${
      links.length === 0
        ? null
        : html`<nav aria-label="Pages">
            <ul class="links">
              ${links}
            </ul>
          </nav>`
    }`;
  return layout(chrome, { title: "Your account", body });
}
