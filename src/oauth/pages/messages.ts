import type { Chrome } from "../../web/chrome.ts";
import { foreign, foreignText } from "../../web/foreign-text.ts";
import { type Html, html } from "../../web/html.ts";
import { layout } from "../../web/layout.ts";

/** Says that all is done and the window may be closed. */
export function donePage(chrome: Chrome, done: { readonly title: string; readonly text: string }): Html {
  const body = html`<h1>${done.title}</h1>
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
      <li>Once it is approved, connect again from the application.</li>
    </ol>
    <p class="hint">It is forgotten after seven days without an approval. You can close this page.</p>`;
  return layout(chrome, { title: "Waiting for approval", body });
}

/** Says what went wrong. The request id leads an administrator to the log. */
export function messagePage(
  chrome: Chrome,
  message: { readonly title: string; readonly text: string; readonly requestId: string },
): Html {
  const body = html`<h1>${message.title}</h1>
    <p>${message.text}</p>
    <p class="hint">Request <code>${message.requestId}</code></p>`;
  return layout(chrome, { title: message.title, body });
}
