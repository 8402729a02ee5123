import type { Chrome } from "../../web/chrome.ts";
import { foreign, foreignText } from "../../web/foreign-text.ts";
import { type Html, html } from "../../web/html.ts";
import { layout } from "../../web/layout.ts";

/** Says that all is done and the window may be closed. `success` is whether something was allowed. */
export function donePage(
  chrome: Chrome,
  done: { readonly title: string; readonly text: string; readonly success: boolean },
): Html {
  const body = html`<div class="outcome ${done.success ? "success" : "stopped"}" aria-hidden="true"></div>
    <h1>${done.title}</h1>
    <p>${done.text}</p>`;
  return layout(chrome, { title: done.title, body });
}

/** Says that a client waits for an administrator's approval. */
export function waitingPage(chrome: Chrome, client: { readonly clientName: string; readonly clientId: string }): Html {
  const body = html`<h1>This application waits for approval</h1>
    <p class="subject">${foreign(client.clientName)}</p>
    <p>It registered itself here. An administrator has to approve it before anybody can use it here.</p>
    <h2>What to do</h2>
    <ol>
      <li>
        Ask an administrator to approve the application with this client id:
        <code>${foreignText(client.clientId, 160)}</code>
      </li>
      <li>Once it is approved, reload this page, or connect again from the application.</li>
    </ol>
    <p class="hint">It is forgotten after seven days without an approval. You can close this page.</p>`;
  return layout(chrome, { title: "Waiting for approval", body });
}

/** Says what went wrong, and where to go on. The request id leads an administrator to the log. */
export function messagePage(
  chrome: Chrome,
  message: {
    readonly title: string;
    readonly text: string;
    readonly requestId: string;
    readonly link?: { readonly label: string; readonly href: string } | null;
  },
): Html {
  const { link = null } = message;
  const body = html`<h1>${message.title}</h1>
    <p>${message.text}</p>
    ${link === null ? null : html`<p><a class="button" href="${link.href}">${link.label}</a></p>`}
    <p class="hint">Request <code>${message.requestId}</code></p>`;
  return layout(chrome, { title: message.title, body });
}
