import { foreign } from "../../web/foreign-text.ts";
import { type Html, html } from "../../web/html.ts";
import { moment } from "../../web/time.ts";
import { type Frame, primaryLink, settingsPage } from "./frame.ts";
import { badge, dataTable, emptyState, pager, portalText, type PortalView } from "./parts.ts";

export type ClientStatusName = "waiting" | "approved" | "disabled";
export type ClientOriginName = "administrator" | "registration" | "metadata_document";

export interface ClientRow {
  readonly id: string;
  readonly name: string;
  readonly status: ClientStatusName;
  readonly origin: ClientOriginName;
  readonly portal: PortalView | null;
  readonly createdAt: number;
  /** As `ClientRecord.createdBy`. */
  readonly createdBy: string;
  /** A waiting one is forgotten then. */
  readonly expiresAt: number | null;
}

export interface ClientListView {
  /** In the order of the list: waiting, approved, disabled. */
  readonly clients: readonly ClientRow[];
  readonly first: string | null;
  readonly next: string | null;
}

/** OAuth clients: those that wait for a decision come first. */
export function clientListPage(frame: Frame, view: ClientListView): Html {
  const add = primaryLink("Add client", frame.paths.newClient);
  const none = emptyState(
    "No clients yet",
    "A client is an application that people sign in with. Applications may register themselves and then wait here, or you add one.",
    add,
  );
  const of = (status: ClientStatusName): readonly ClientRow[] =>
    view.clients.filter((client) => client.status === status);
  return settingsPage(frame, {
    tab: "clients",
    title: "Clients",
    lead: "Applications that can ask people for access through OAuth.",
    action: view.clients.length === 0 ? null : add,
    body:
      view.clients.length === 0
        ? none
        : html`${waiting(frame, of("waiting"))} ${decided(frame, "Approved", of("approved"))}
          ${decided(frame, "Disabled", of("disabled"))} ${pager(view)}`,
  });
}

function waiting({ now, paths }: Frame, clients: readonly ClientRow[]): Html | null {
  if (clients.length === 0) return null;
  const rows = clients.map((client) => [
    html`<a href="${paths.client(client.id)}">${foreign(client.name)}</a>`,
    html`${originWords(client)} <span class="hint">It chose its name itself.</span>`,
    moment(client.createdAt, now),
    client.expiresAt === null ? "not" : moment(client.expiresAt, now),
    html`<div class="buttons">
      <a class="button primary small" href="${paths.clientAct("approve", client.id)}"
        >Approve…<span class="sr"> ${client.id}</span></a
      >
      <a class="button danger small" href="${paths.clientAct("disable", client.id)}"
        >Disable…<span class="sr"> ${client.id}</span></a
      >
    </div>`,
  ]);
  const columns = [
    { label: "Name", look: "main" },
    { label: "Came from" },
    { label: "Registered" },
    { label: "Forgotten" },
    { label: "Actions", look: "act" },
  ] as const;
  return html`<h2>Waiting for approval</h2>
    ${dataTable("Waiting for approval", columns, rows)}`;
}

function decided({ now, paths }: Frame, heading: string, clients: readonly ClientRow[]): Html | null {
  if (clients.length === 0) return null;
  const rows = clients.map((client) => [
    html`<a href="${paths.client(client.id)}">${foreign(client.name)}</a>`,
    originWords(client),
    portalText(client.portal),
    clientBadge(client.status),
    moment(client.createdAt, now),
  ]);
  const columns = [
    { label: "Name", look: "main" },
    { label: "Came from" },
    { label: "Portal" },
    { label: "State" },
    { label: "Added" },
  ] as const;
  return html`<h2>${heading}</h2>
    ${dataTable(heading, columns, rows)}`;
}

const ADDRESS = /^address /;

/** Who brought a client. */
export function originWords({ origin, createdBy, id }: Pick<ClientRow, "origin" | "createdBy" | "id">): Html {
  switch (origin) {
    case "administrator":
      return html`Added by ${foreign(createdBy)}`;
    case "registration":
      return html`Registered itself from ${foreign(createdBy.replace(ADDRESS, ""))}`;
    case "metadata_document":
      return html`Its document at ${foreign(URL.canParse(id) ? new URL(id).host : id)}`;
  }
}

export function clientBadge(status: ClientStatusName): Html {
  if (status === "approved") return badge("success", "Approved");
  return status === "waiting" ? badge("warning", "Waiting") : badge("danger", "Disabled");
}
