import { foreign, foreignText } from "../../web/foreign-text.ts";
import { type Html, html } from "../../web/html.ts";
import { moment } from "../../web/time.ts";
import { confirmPage } from "./confirm.ts";
import { type Frame, settingsPage } from "./frame.ts";
import {
  badge,
  dataTable,
  emptyState,
  facts,
  fewScopes,
  fullMoment,
  pager,
  portalText,
  type PortalView,
  scopeList,
} from "./parts.ts";

export interface GrantRow {
  readonly id: string;
  /** `null` for who is gone. */
  readonly person: { readonly id: string; readonly name: string; readonly email: string } | null;
  readonly client: { readonly id: string; readonly name: string | null };
  readonly scopes: readonly string[];
  readonly portal: PortalView | null;
  readonly flow: "authorization_code" | "device_code";
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly state: "active" | "revoked" | "ended" | "expired";
}

export interface GrantListView {
  readonly grants: readonly GrantRow[];
  /** Whose they are, where the list is of one person or one client. */
  readonly of: string | null;
  readonly first: string | null;
  readonly next: string | null;
}

const COLUMNS = [
  { label: "Application", look: "main" },
  { label: "Allowed by" },
  { label: "Scopes" },
  { label: "Portal" },
  { label: "State" },
  { label: "Allowed" },
  { label: "Ends" },
  { label: "Actions", look: "act" },
] as const;

/** What people allowed applications, newest first. */
export function grantListPage(frame: Frame, view: GrantListView): Html {
  const { paths } = frame;
  const all = html`<a href="${paths.grants}">Show all</a>`;
  const none =
    view.of === null
      ? emptyState(
          "No connected apps",
          "When a person allows an application to act for them, it stands here, and you can end it.",
          html`<a class="button" href="${paths.clients}">See the clients</a>`,
        )
      : emptyState("None of these", "They are connected to nothing now, and were not lately.", all);
  return settingsPage(frame, {
    tab: "grants",
    title: "Connected apps",
    lead: "What people allowed applications to do in their name.",
    body: html`${view.of === null ? null : html`<p>Only those of ${foreign(view.of, 120)}. ${view.grants.length === 0 ? null : all}</p>`}
    ${
      view.grants.length === 0
        ? none
        : dataTable(
            "Connected apps",
            COLUMNS,
            view.grants.map((grant) => row(frame, grant)),
          )
    }
    ${pager(view)}`,
  });
}

function row({ now, paths }: Frame, grant: GrantRow): readonly (Html | string)[] {
  const { person, client } = grant;
  return [
    html`<a href="${paths.client(client.id)}">${nameOf(client)}</a>`,
    person === null ? "somebody who is gone" : html`<a href="${paths.person(person.id)}">${foreign(person.email)}</a>`,
    fewScopes(grant.scopes),
    portalText(grant.portal),
    stateBadge(grant.state),
    html`${moment(grant.createdAt, now)}${grant.flow === "device_code" ? " (device)" : ""}`,
    grant.state === "active" ? moment(grant.expiresAt, now) : "",
    grant.state === "active"
      ? html`<a class="button danger small" href="${paths.revokeGrant(grant.id)}"
          >Revoke…<span class="sr"> ${grant.id}</span></a
        >`
      : "",
  ];
}

function nameOf({ id, name }: GrantRow["client"]): Html {
  return name === null ? html`<code>${foreignText(id, 160)}</code>` : foreign(name);
}

function stateBadge(state: GrantRow["state"]): Html {
  switch (state) {
    case "active":
      return badge("success", "Active");
    case "revoked":
      return badge("danger", "Revoked");
    case "ended":
      return badge("danger", "Ended");
    case "expired":
      return badge("warning", "Expired");
  }
}

/** Asks before a grant is revoked. */
export function grantRevokePage(frame: Frame, grant: GrantRow): Html {
  const { now, paths } = frame;
  const { person } = grant;
  return confirmPage(frame, {
    tab: "grants",
    title: "Revoke access?",
    heading: html`End the access of ${nameOf(grant.client)}?`,
    body: html`${facts([
        [
          "Allowed by",
          person === null ? "somebody who is gone" : html`${foreign(person.name)} ${foreign(person.email)}`,
        ],
        ["Allowed", fullMoment(grant.createdAt, now)],
        ["Scopes", scopeList(grant.scopes)],
        ["Portal", portalText(grant.portal)],
      ])}
      <p>Its tokens stop at once, on every instance, and its open streams are closed.</p>`,
    warning: "This cannot be undone. The person can allow the application anew.",
    action: paths.revokeGrant(grant.id),
    button: "Revoke access",
    cancel: paths.grants,
  });
}
