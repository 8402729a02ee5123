import { hiddenField, notice, problemSummary } from "../../web/fields.ts";
import { foreign, foreignText } from "../../web/foreign-text.ts";
import { type Html, html } from "../../web/html.ts";
import { confirmPage } from "./confirm.ts";
import { clientBadge, type ClientRow, originWords } from "./client-list.ts";
import { type Catalogue, formActions, portalField, problemOf, type Problems, scopeField } from "./form-fields.ts";
import { buttonForm, type Frame, postForm, settingsPage } from "./frame.ts";
import { facts, fullMoment, portalText, scopeList } from "./parts.ts";
import { withQuery } from "./paths.ts";
import { secretOnce } from "./secret.ts";

export interface ClientView extends ClientRow {
  readonly scopes: readonly string[];
  /** It has a secret. */
  readonly confidential: boolean;
  readonly redirectUris: readonly string[];
  readonly grantTypes: readonly string[];
  readonly decidedAt: number | null;
  readonly decidedBy: string | null;
  readonly version: number;
}

/** One client: who says what about it, and what can be done with it. */
export function clientPage(frame: Frame, client: ClientView): Html {
  const { paths } = frame;
  return settingsPage(frame, {
    tab: "clients",
    title: "Client",
    heading: foreign(client.name),
    up: { label: "Clients", href: paths.clients },
    body: html`<div class="card slim">
      ${selfChosen(client)} ${clientFacts(frame, client)}
      <div class="actions">${acts(frame, client)}</div>
    </div>`,
  });
}

function selfChosen({ origin }: ClientView): Html | null {
  if (origin !== "registration") return null;
  return notice(
    "warning",
    "It registered itself and chose its name. Compare where it sends people with what you expect.",
  );
}

function clientFacts({ now }: Frame, client: ClientView): Html {
  const { decidedAt, decidedBy, expiresAt, redirectUris } = client;
  const decision = client.status === "disabled" ? "Disabled" : "Approved";
  const uris = redirectUris.map((uri) => html`<li><code>${foreignText(uri, 500)}</code></li>`);
  return facts([
    ["State", clientBadge(client.status)],
    ["Client id", html`<code>${foreignText(client.id, 512)}</code>`],
    ["Came from", html`${originWords(client)}, ${fullMoment(client.createdAt, now)}`],
    [
      decision,
      decidedAt === null
        ? null
        : html`${fullMoment(decidedAt, now)}${decidedBy === null ? null : html`, by ${foreign(decidedBy)}`}`,
    ],
    ["Forgotten", expiresAt === null ? null : fullMoment(expiresAt, now)],
    ["Kind", client.confidential ? "Confidential: it has a secret" : "Public: it has no secret"],
    ["Gets tokens by", scopeList(client.grantTypes)],
    [
      "Sends people to",
      uris.length === 0
        ? null
        : html`<ul class="plain">
            ${uris}
          </ul>`,
    ],
    ["Scopes at most", scopeList(client.scopes)],
    ["Portal", portalText(client.portal)],
  ]);
}

function acts(frame: Frame, { id, status, confidential, version }: ClientView): Html {
  const { paths } = frame;
  const activity = html`<a class="button" href="${withQuery(paths.activity, { client: id })}">Activity</a>`;
  const disable = html`<a class="button danger" href="${paths.clientAct("disable", id)}">Disable…</a>`;
  switch (status) {
    case "waiting":
      return html`<a class="button primary" href="${paths.clientAct("approve", id)}">Approve…</a> ${disable}`;
    case "disabled":
      return html`${buttonForm(frame, paths.clientAct("enable", id), { label: "Enable", look: "primary", version })}
      ${activity}`;
    case "approved":
      return html`<a class="button" href="${withQuery(paths.grants, { client: id })}">Connected apps</a> ${activity}
        ${confidential ? html`<a class="button" href="${paths.clientAct("secret", id)}">New secret…</a>` : null}
        ${disable}`;
  }
}

export interface ApproveView {
  readonly client: ClientView;
  readonly scopes: readonly string[];
  readonly portal: string;
  readonly problems: Problems;
  readonly catalogue: Catalogue;
}

/** Asks what a waiting client may have, at most. Posts `scope` (a list), `portal`, `version` and `csrf`. */
export function clientApprovePage(frame: Frame, view: ApproveView): Html {
  const { client, problems, catalogue } = view;
  const { paths } = frame;
  const words = new Map(catalogue.scopes.map(({ scope, text }) => [scope, text]));
  const scopes = client.scopes.map((scope) => ({
    scope,
    text: words.get(scope) ?? words.get(wildcardOf(scope)) ?? "",
  }));
  const portals = client.portal === null ? catalogue.portals : [client.portal];
  const back = paths.client(client.id);
  const fields = html`${hiddenField("version", String(client.version))}
  ${scopeField({
    scopes,
    chosen: view.scopes,
    legend: "What people may allow it, at most",
    hint: "It asked for these. Take away what it should never have.",
    problem: problemOf(problems, "scope"),
  })}
  ${portalField({
    portals,
    value: view.portal,
    all: client.portal === null ? "All portals" : "As it asked",
    hint: "Where it may act, at most.",
    problem: problemOf(problems, "portal"),
  })}
  ${formActions("Approve client", back)}`;
  return settingsPage(frame, {
    tab: "clients",
    title: "Approve client",
    heading: html`Approve ${foreign(client.name)}?`,
    up: { label: "Back", href: back },
    body: html`${problemSummary(problems, { scope: "Scopes", portal: "Portal" })}
      <div class="card slim">
        ${selfChosen(client)} ${clientFacts(frame, client)}
        ${postForm(frame, paths.clientAct("approve", client.id), fields)}
      </div>`,
  });
}

/** The rules may name a part of what the catalogue has words for: `workflows:run` of `workflows:*`. */
function wildcardOf(scope: string): string {
  return `${scope.slice(0, scope.indexOf(":"))}:*`;
}

/** Asks before a client is disabled. */
export function clientDisablePage(frame: Frame, client: ClientView): Html {
  const { paths } = frame;
  return confirmPage(frame, {
    tab: "clients",
    title: "Disable client?",
    heading: html`Disable ${foreign(client.name)}?`,
    body: html`<p>
      It is refused from now on, whoever uses it. What people allowed it ends, with all of its tokens. You can enable it
      again; people then have to allow it anew.
    </p>`,
    warning: client.status === "approved" ? "The access that people gave it does not come back." : null,
    action: paths.clientAct("disable", client.id),
    button: "Disable client",
    cancel: paths.client(client.id),
    version: client.version,
  });
}

/** Asks before a client's secret is replaced. */
export function clientSecretPage(frame: Frame, client: ClientView): Html {
  const { paths } = frame;
  return confirmPage(frame, {
    tab: "clients",
    title: "New client secret?",
    heading: html`A new secret for ${foreign(client.name)}?`,
    body: html`<p>The new secret is shown once. Tokens that the client has stay good until they end.</p>`,
    warning: "The old secret stops working at once.",
    action: paths.clientAct("secret", client.id),
    button: "Make a new secret",
    cancel: paths.client(client.id),
  });
}

/** A new client or a new secret; the secret this once. */
export function clientIssuedPage(
  frame: Frame,
  view: { readonly id: string; readonly name: string; readonly secret: string; readonly tokenUrl: string | null },
): Html {
  const list = facts([
    ["Client id", html`<code>${foreignText(view.id, 512)}</code>`],
    ["Token endpoint", view.tokenUrl === null ? null : html`<code>${view.tokenUrl}</code>`],
  ]);
  return settingsPage(frame, {
    tab: "clients",
    title: "Client secret",
    heading: html`The secret of ${foreign(view.name)}`,
    up: { label: "Clients", href: frame.paths.clients },
    script: "copy",
    body: html`<div class="card slim">
      ${secretOnce("client secret", view.secret)} ${list}
      <div class="actions"><a class="button primary" href="${frame.paths.client(view.id)}">I have copied it</a></div>
    </div>`,
  });
}
