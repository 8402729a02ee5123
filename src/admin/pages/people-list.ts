import { foreign } from "../../web/foreign-text.ts";
import { type Html, html } from "../../web/html.ts";
import { inputField } from "./form-fields.ts";
import { type Frame, primaryLink, settingsPage } from "./frame.ts";
import { badge, dataTable, emptyState, momentOr, pager, portalList, type PortalView } from "./parts.ts";

export interface PersonRow {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly role: "admin" | "member";
  readonly portals: readonly PortalView[] | null;
  /** Signs in at the company's provider. */
  readonly company: boolean;
  readonly disabledAt: number | null;
  readonly lastSignInAt: number | null;
}

export interface PeopleListView {
  readonly search: string;
  readonly people: readonly PersonRow[];
  readonly first: string | null;
  readonly next: string | null;
}

const COLUMNS = [
  { label: "Name", look: "main" },
  { label: "Email" },
  { label: "Role" },
  { label: "Portals" },
  { label: "Signs in" },
  { label: "State" },
  { label: "Last sign-in" },
] as const;

/** Who may sign in, newest first. */
export function peopleListPage(frame: Frame, view: PeopleListView): Html {
  const { paths } = frame;
  const none = emptyState(
    "Nobody fits",
    "Search by a part of the name or of the email, or by the id.",
    html`<a class="button" href="${paths.people}">Show everybody</a>`,
  );
  return settingsPage(frame, {
    tab: "people",
    title: "People",
    lead: "Who may sign in, and what they may allow applications to do.",
    action: primaryLink("Add person", paths.newPerson),
    body: html`<form method="get" action="${paths.people}" class="filters" role="search">
        ${inputField({ name: "search", label: "Search", type: "search", value: view.search, placeholder: "Name, email or id" })}
        <button type="submit">Search</button>
      </form>
      ${
        view.people.length === 0
          ? none
          : dataTable(
              "People",
              COLUMNS,
              view.people.map((person) => row(frame, person)),
            )
      }
      ${pager(view)}`,
  });
}

function row({ now, paths }: Frame, person: PersonRow): readonly (Html | string)[] {
  return [
    html`<a href="${paths.person(person.id)}">${foreign(person.name)}</a>`,
    foreign(person.email, 254),
    roleWords(person.role),
    portalList(person.portals),
    person.company ? "through the company" : "with a password",
    personBadge(person),
    momentOr(person.lastSignInAt, now, "never"),
  ];
}

export function roleWords(role: PersonRow["role"]): string {
  return role === "admin" ? "Administrator" : "Member";
}

export function personBadge({ disabledAt }: Pick<PersonRow, "disabledAt">): Html {
  return disabledAt === null ? badge("success", "Active") : badge("danger", "Disabled");
}
