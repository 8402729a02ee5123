import type { Chrome } from "../web/chrome.ts";
import { type Html, html } from "../web/html.ts";
import { layout } from "../web/layout.ts";

/** Says why somebody cannot go on, with a link that leads on. The request id leads an administrator to the audit. */
export function signinMessagePage(
  chrome: Chrome,
  message: {
    readonly title: string;
    readonly text: string;
    readonly link: { readonly label: string; readonly href: string };
    readonly requestId: string;
  },
): Html {
  const { link, requestId, text, title } = message;
  const body = html`<h1>${title}</h1>
    <p>${text}</p>
    <p><a class="button secondary" href="${link.href}">${link.label}</a></p>
    <p class="hint">Request <code>${requestId}</code></p>`;
  return layout(chrome, { title, body });
}
