import type { Chrome } from "../../web/chrome.ts";
import { notice } from "../../web/fields.ts";
import { foreign, foreignText } from "../../web/foreign-text.ts";
import { type Html, html } from "../../web/html.ts";
import { time } from "../../web/time.ts";
import { canApprove } from "./consent-choices.ts";
import type { ConsentView } from "./consent-view.ts";

const ADDRESS = /^address /;
const LONGEST_HOST = 261;

/** Who the client is and who says so, and where the browser goes. */
export function clientSummary(view: ConsentView, goesTo: Html | null): Html {
  const { client } = view;
  return html`<p class="subject">${foreign(client.name)}</p>
    ${provenance(view)}
    <dl class="facts">
      <div>
        <dt>Client id</dt>
        <dd><code>${foreignText(client.id, 160)}</code></dd>
      </div>
      <div>
        <dt>Gives access to</dt>
        <dd><code>${foreignText(view.resource, 160)}</code></dd>
      </div>
      ${
        goesTo === null
          ? null
          : html`<div>
              <dt>You will be sent to</dt>
              <dd>${goesTo}</dd>
            </div>`
      }
    </dl>`;
}

/** How far the name of the client can be believed. */
function provenance({ client }: ConsentView): Html {
  const at = time(client.createdAt);
  switch (client.origin) {
    case "administrator":
      return notice("info", html`An administrator (${foreign(client.createdBy)}) added this application on ${at}.`);
    case "metadata_document":
      return notice(
        "info",
        html`The application is described by a document at <strong class="host">${hostOf(client.id)}</strong>, a host
          that your administrators allow. It chose its name itself.`,
      );
    case "registration":
      return notice(
        "warning",
        html`This application registered itself on ${at} from address ${foreign(client.createdBy.replace(ADDRESS, ""))}.
        It chose its name itself; nobody checked it.`,
      );
  }
}

function hostOf(clientId: string): string {
  return URL.canParse(clientId) ? foreignText(new URL(clientId).host, LONGEST_HOST) : "an unknown host";
}

/** What approving means and how it is undone; nothing where there is nothing to approve. */
export function meaning({ person }: Chrome, view: ConsentView): Html | null {
  if (!canApprove(view)) return null;
  const asWhom = person === null ? null : html`, as ${foreign(person.email)},`;
  const notYou = person === null ? null : html`<p class="meaning">Not you? Sign out at the top of the page.</p>`;
  return html`<p class="meaning">
      If you approve, the application can do what is checked above in your name${asWhom} until the access ends. It does
      not learn your password. An administrator can end the access at any time.
    </p>
    ${notYou}`;
}
