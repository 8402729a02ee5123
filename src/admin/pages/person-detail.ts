import { foreign } from "../../web/foreign-text.ts";
import { type Html, html } from "../../web/html.ts";
import { moment } from "../../web/time.ts";
import { confirmPage } from "./confirm.ts";
import { buttonForm, type Frame, settingsPage } from "./frame.ts";
import { card, dataTable, facts, fullMoment, fullMomentOr, portalList, scopeList } from "./parts.ts";
import { withQuery } from "./paths.ts";
import { personBadge, type PersonRow, roleWords } from "./people-list.ts";

export interface PersonView extends PersonRow {
  readonly scopes: readonly string[];
  readonly createdAt: number;
  readonly createdBy: string;
  readonly version: number;
  readonly sessions: readonly { readonly id: string; readonly signedInAt: number; readonly expiresAt: number }[];
}

/** One person: rights, sessions, and what can be done. */
export function personPage(frame: Frame, person: PersonView): Html {
  const { now, paths } = frame;
  const list = facts([
    ["State", personBadge(person)],
    ["Email", foreign(person.email, 254)],
    ["Id", html`<code>${person.id}</code>`],
    ["Role", roleWords(person.role)],
    ["May allow", scopeList(person.scopes)],
    ["Where", portalList(person.portals)],
    ["Signs in", person.company ? "through the company's provider" : "with a password"],
    ["Last sign-in", fullMomentOr(person.lastSignInAt, now, "never")],
    ["Added", html`${fullMoment(person.createdAt, now)}, by ${foreign(person.createdBy)}`],
    ["Disabled", person.disabledAt === null ? null : fullMoment(person.disabledAt, now)],
  ]);
  return settingsPage(frame, {
    tab: "people",
    title: "Person",
    heading: foreign(person.name),
    up: { label: "People", href: paths.people },
    body: html`<div class="card slim">
        ${list}
        <div class="actions">${acts(frame, person)}</div>
      </div>
      ${sessions(frame, person)}`,
  });
}

function acts(frame: Frame, { id, email, company, disabledAt, version }: PersonView): Html {
  const { paths } = frame;
  const edit = html`<a class="button" href="${paths.personAct("edit", id)}">Change…</a>`;
  const links = html`<a class="button" href="${withQuery(paths.grants, { person: id })}">Connected apps</a>
    <a class="button" href="${withQuery(paths.activity, { subject: email })}">Activity</a>`;
  if (disabledAt !== null) {
    const enable = buttonForm(frame, paths.personAct("enable", id), { label: "Enable", look: "primary", version });
    return html`${enable} ${edit} ${links}`;
  }
  const password = html`<a class="button" href="${paths.personAct("password", id)}">New password…</a>`;
  return html`${edit} ${company ? null : password} ${links}
    <a class="button danger" href="${paths.personAct("disable", id)}">Disable…</a>`;
}

function sessions(frame: Frame, person: PersonView): Html {
  const { now, paths } = frame;
  if (person.sessions.length === 0) return card("Signed in", html`<p>Not signed in anywhere.</p>`);
  const rows = person.sessions.map(({ id, signedInAt, expiresAt }) => [
    html`<code>${id.slice(0, 12)}…</code>`,
    moment(signedInAt, now),
    moment(expiresAt, now),
  ]);
  const columns = [{ label: "Session", look: "main" }, { label: "Signed in" }, { label: "Ends" }] as const;
  const end = buttonForm(frame, paths.personAct("sessions", person.id), { label: "End all sessions", look: "danger" });
  return card("Signed in", html`${dataTable("Sessions", columns, rows)} ${end}`);
}

/** Asks before somebody is disabled. */
export function personDisablePage(frame: Frame, person: PersonView, problem: string | null): Html {
  const { paths } = frame;
  return confirmPage(frame, {
    tab: "people",
    title: "Disable person?",
    heading: html`Disable ${foreign(person.name)}?`,
    body: html`<p>
      ${foreign(person.email, 254)} is signed out everywhere and cannot sign in. What they allowed applications ends,
      with all tokens. API keys stay. You can enable them again.
    </p>`,
    warning: "The access that they gave applications does not come back.",
    action: paths.personAct("disable", person.id),
    button: "Disable person",
    cancel: paths.person(person.id),
    version: person.version,
    problem,
  });
}

/** Asks before somebody gets a new password. */
export function personPasswordPage(frame: Frame, person: PersonView): Html {
  const { paths } = frame;
  return confirmPage(frame, {
    tab: "people",
    title: "New password?",
    heading: html`A new password for ${foreign(person.name)}?`,
    body: html`<p>
      One is made and shown to you once. ${foreign(person.email, 254)} is signed out everywhere, and what they allowed
      applications ends: whoever knew the old password may have allowed some.
    </p>`,
    warning: "The old password stops working at once.",
    action: paths.personAct("password", person.id),
    button: "Make a new password",
    cancel: paths.person(person.id),
    version: person.version,
  });
}
