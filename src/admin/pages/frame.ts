import { hiddenField } from "../../web/fields.ts";
import type { Chrome } from "../../web/chrome.ts";
import { type Html, html, scriptElement } from "../../web/html.ts";
import { layout } from "../../web/layout.ts";
import type { ScriptPaths } from "../assets/assets.ts";
import type { AdminPaths } from "./paths.ts";

/** What every admin page has: who looks at it, where its links go, and when it was made. */
export interface Frame {
  readonly chrome: Chrome;
  readonly paths: AdminPaths;
  /** For each form of the page. */
  readonly csrf: string;
  /** Clients that wait for approval; shown beside their tab. */
  readonly waitingClients: number;
  /** What was just done, at the top of the page. */
  readonly notice: Html | null;
  /** Paths of our scripts. */
  readonly scripts: ScriptPaths;
  /** Wall clock, ms. */
  readonly now: number;
}

export type Tab = "access" | "keys" | "clients" | "grants" | "activity" | "people" | "tokens";

export interface SettingsPage {
  readonly tab: Tab;
  readonly title: string;
  /** A heading with what others chose in it; the title without. */
  readonly heading?: Html;
  /** One sentence under the heading. */
  readonly lead?: Html | string;
  /** Beside the heading: what one comes here to do. */
  readonly action?: Html | null;
  /** The page above, on pages below a tab. */
  readonly up?: { readonly label: string; readonly href: string };
  readonly body: Html;
  readonly script?: "copy" | "live";
}

/** A page of `Settings › MCP Access`: the way down to it, the tabs, the heading and the body. */
export function settingsPage(frame: Frame, page: SettingsPage): Html {
  const { up, action = null, lead } = page;
  const body = html`<p class="crumbs">Settings <span aria-hidden="true">›</span> MCP Access</p>
    ${tabs(frame, page.tab)} ${frame.notice}
    <div class="${up === undefined ? "page" : "page sub"}">
      ${up === undefined ? null : html`<p class="up"><a href="${up.href}">‹ ${up.label}</a></p>`}
      <div class="heading">
        <h1>${page.heading ?? page.title}</h1>
        ${action}
      </div>
      ${lead === undefined ? null : html`<p class="lead">${lead}</p>`} ${page.body}
    </div>
    ${page.script === undefined ? null : scriptElement(frame.scripts[page.script])} ${scriptElement(frame.scripts.once)}`;
  return layout(frame.chrome, { title: page.title, body, width: "wide" });
}

function tabs({ paths, waitingClients }: Frame, current: Tab): Html {
  const list: readonly (readonly [Tab, string, string])[] = [
    ["access", "Overview", paths.home],
    ["keys", "API keys", paths.keys],
    ["clients", "Clients", paths.clients],
    ["grants", "Connected apps", paths.grants],
    ["activity", "Activity", paths.activity],
    ["people", "People", paths.people],
    ["tokens", "API tokens", paths.tokens],
  ];
  const items = list.map(([tab, label, href]) => {
    const count =
      tab === "clients" && waitingClients > 0
        ? html` <span class="badge warning">${waitingClients} waiting</span>`
        : null;
    return tab === current
      ? html`<li><a href="${href}" aria-current="page">${label}${count}</a></li>`
      : html`<li><a href="${href}">${label}${count}</a></li>`;
  });
  return html`<nav class="tabs" aria-label="MCP Access">
    <ul>
      ${items}
    </ul>
  </nav>`;
}

/** A link that looks like the button of the page's main act. */
export function primaryLink(label: string, href: string): Html {
  return html`<a class="button primary" href="${href}">${label}</a>`;
}

/** A form that posts to one of our pages, with its CSRF token. */
export function postForm(frame: Pick<Frame, "csrf">, action: string, body: Html): Html {
  return html`<form method="post" action="${action}">${hiddenField("csrf", frame.csrf)}${body}</form>`;
}

/** A form of one button. */
export function buttonForm(
  frame: Pick<Frame, "csrf">,
  action: string,
  button: { readonly label: string; readonly look?: "primary" | "danger"; readonly version?: number },
): Html {
  const { label, look, version } = button;
  const body = html`${version === undefined ? null : hiddenField("version", String(version))}<button
      type="submit"
      class="${look ?? "plain"}"
    >
      ${label}
    </button>`;
  return postForm(frame, action, body);
}
