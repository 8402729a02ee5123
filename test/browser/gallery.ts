import { notice, problemSummary, textField } from "../../src/web/fields.ts";
import { foreign } from "../../src/web/foreign-text.ts";
import type { Chrome } from "../../src/web/chrome.ts";
import { type Html, html } from "../../src/web/html.ts";
import { layout } from "../../src/web/layout.ts";

function row(name: string, look: string, status: string): Html {
  return html`<tr>
    <td>${foreign(name)}</td>
    <td><code>client_4fKq9ZxT1mWb7Rj2LdPv</code></td>
    <td><span class="${`badge ${look}`}">${status}</span></td>
    <td class="number">1,024</td>
    <td>
      <form method="post" action="/posted"><button type="submit" class="danger">Disable</button></form>
    </td>
  </tr>`;
}

/** All that the stylesheet can do on one wide page, so that its colours and sizes are checked before a page uses them. */
export function gallery(chrome: Chrome): Html {
  const body = html`<h1>Clients</h1>
    ${problemSummary({ name: "Fill this in." }, { name: "Name" })} ${notice("info", "For information.")}
    ${notice("warning", html`Text of ${foreign("others")} in a warning.`)} ${notice("success", "It is done.")}
    <div class="table" tabindex="0" role="region" aria-label="Clients">
      <table>
        <caption>
          All clients
        </caption>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Id</th>
            <th scope="col">Status</th>
            <th scope="col" class="number">Requests</th>
            <th scope="col">Action</th>
          </tr>
        </thead>
        <tbody>
          ${[row("Desk Assistant", "success", "Approved"), row("MCP Inspector", "warning", "Waiting")]}
          ${[row("Old script", "danger", "Disabled"), row("Other", "", "Unknown")]}
        </tbody>
      </table>
    </div>
    <section class="card" aria-labelledby="new">
      <h2 id="new">New client</h2>
      <form method="post" action="/posted">
        ${textField({ name: "name", label: "Name", problem: "Fill this in.", hint: "As people know it.", autocomplete: "off" })}
        <div class="actions">
          <button type="submit" class="primary">Save</button>
          <a class="button" href="/clients">Cancel</a>
          <button type="submit" disabled>Not now</button>
        </div>
      </form>
    </section>`;
  return layout(chrome, { title: "Clients", body, width: "wide" });
}
