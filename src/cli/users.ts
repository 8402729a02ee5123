import type { NewPerson, PersonChanged, PersonChanges } from "../administration/administration.ts";
import { isPersonId } from "../core/ids.ts";
import type { PersonRecord, Role } from "../store/people.ts";
import {
  CHANGED_MEANWHILE,
  type Command,
  CommandFailure,
  type ExitCode,
  readArgs,
  type Terminal,
  UsageError,
} from "./command.ts";
import type { Desk } from "./desk.ts";
import { type Call, deskCommand } from "./desk-command.ts";
import { printList } from "./list-text.ts";
import { limitOf, namesOf } from "./options.ts";
import { personJson, personLine, personText, rightsText } from "./user-text.ts";
import { USER_ACTIONS } from "./users-help.ts";

const OPTIONS = {
  config: { type: "string" },
  json: { type: "boolean" },
  "no-wait": { type: "boolean" },
  email: { type: "string" },
  name: { type: "string" },
  admin: { type: "boolean" },
  role: { type: "string" },
  scope: { type: "string", multiple: true },
  "all-scopes": { type: "boolean" },
  portal: { type: "string", multiple: true },
  "all-portals": { type: "boolean" },
  "password-stdin": { type: "boolean" },
  limit: { type: "string" },
  after: { type: "string" },
} as const;

const read = (args: readonly string[]) => readArgs(args, OPTIONS);
type Values = ReturnType<typeof read>["values"];
type Context = Call<Values>;

/** `portcullis users`: people at the terminal. */
export const users: Command = deskCommand({
  name: "users",
  help: USER_ACTIONS,
  read,
  alone: ["add", "list"],
  actions: { add, list, show, passwd, disable, enable, edit },
});

async function add({ desk, values, terminal }: Context): Promise<ExitCode> {
  const { email, name } = values;
  if (email === undefined) throw new UsageError("--email is needed");
  if (name === undefined) throw new UsageError("--name is needed");
  const role: Role = values.admin === true ? "admin" : "member";
  const password = await readPassword(values, terminal);
  const wanted: NewPerson = {
    email,
    name,
    role,
    scopes: namesOf(values.scope) ?? "all",
    portals: namesOf(values.portal) ?? "all",
    password,
  };
  const person = await desk.change((actor) => desk.administration.people.add(actor, wanted));
  if (values.json === true) printPerson(person, values, terminal);
  else terminal.out(`added ${person.id} ${person.email}: ${rightsText(person)}\n`);
  return 0;
}

async function list({ desk, values, terminal }: Context): Promise<ExitCode> {
  const { after } = values;
  const limit = limitOf(values.limit);
  if (after !== undefined && !isPersonId(after)) throw new UsageError("--after takes the id of a person, usr_…");
  const { items } = await desk.administration.people.list({ after, limit });
  const none = "nobody yet; add the first with: portcullis users add --admin";
  printList(items, { json: values.json, asJson: personJson, line: personLine, none }, terminal);
  return 0;
}

async function show({ desk, values, id: who, terminal }: Context): Promise<ExitCode> {
  printPerson(await requirePerson(desk, who), values, terminal);
  return 0;
}

async function passwd({ desk, values, id: who, terminal }: Context): Promise<ExitCode> {
  const { id } = await requirePerson(desk, who);
  const password = await readPassword(values, terminal);
  const changed = await desk.change((actor) => desk.administration.people.setPassword(actor, id, password));
  const done = "signed out everywhere, ended every token, and set the password of";
  return told(changed, { values, terminal, done, already: "" });
}

async function disable({ desk, values, id: who, terminal }: Context): Promise<ExitCode> {
  const { id } = await requirePerson(desk, who);
  const { value: changed } = await desk.take(values, (actor) => desk.administration.people.disable(actor, id));
  return told(changed, { values, terminal, done: "disabled", already: "is disabled already" });
}

async function enable({ desk, values, id: who, terminal }: Context): Promise<ExitCode> {
  const { id } = await requirePerson(desk, who);
  const changed = await desk.change((actor) => desk.administration.people.enable(actor, id));
  return told(changed, { values, terminal, done: "enabled", already: "is not disabled" });
}

async function edit({ desk, values, id: who, terminal }: Context): Promise<ExitCode> {
  const changes = editOf(values);
  const { id } = await requirePerson(desk, who);
  const changed = await desk.change((actor) => desk.administration.people.edit(actor, id, changes));
  return told(changed, { values, terminal, done: "changed", already: "is so already" });
}

function editOf(values: Values): PersonChanges {
  const { name, role } = values;
  if (role !== undefined && role !== "admin" && role !== "member") throw new UsageError("--role is admin or member");
  const scopes = oneOf(values.scope, values["all-scopes"], "--scope or --all-scopes, not both");
  const portals = oneOf(values.portal, values["all-portals"], "--portal or --all-portals, not both");
  const changes: PersonChanges = {
    ...(name === undefined ? {} : { name }),
    ...(role === undefined ? {} : { role }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(portals === undefined ? {} : { portals }),
  };
  if (Object.keys(changes).length === 0) throw new UsageError("say what to change");
  return changes;
}

function oneOf(
  names: readonly string[] | undefined,
  all: boolean | undefined,
  problem: string,
): readonly string[] | "all" | undefined {
  if (all !== true) return namesOf(names);
  if (names !== undefined) throw new UsageError(problem);
  return "all";
}

async function requirePerson({ administration }: Desk, who: string | undefined): Promise<PersonRecord> {
  if (who === undefined) throw new UsageError("say who: an email, or an id usr_…; `users list` shows them");
  const person = await administration.people.get(who);
  if (person === null) throw new CommandFailure(`nobody here is ${who}`);
  return person;
}

function told(
  changed: PersonChanged,
  words: { readonly values: Values; readonly terminal: Terminal; readonly done: string; readonly already: string },
): ExitCode {
  const { already, done, terminal, values } = words;
  if (changed.kind === "not_found") throw new CommandFailure("that person is gone");
  if (changed.kind === "conflict") throw new CommandFailure(CHANGED_MEANWHILE);
  const { record: person } = changed;
  if (changed.kind === "last_administrator") {
    throw new CommandFailure(`${person.email} is the last administrator; make another first`);
  }
  if (values.json === true) printPerson(person, values, terminal);
  else if (changed.kind === "unchanged") terminal.out(`${person.email} ${already}.\n`);
  else terminal.out(`${done} ${person.id} ${person.email}: ${rightsText(person)}\n`);
  return 0;
}

function printPerson(person: PersonRecord, values: Values, terminal: Terminal): void {
  terminal.out(values.json === true ? `${JSON.stringify(personJson(person))}\n` : personText(person));
}

/** Never from the command line, which other users of the machine can read. */
async function readPassword(values: Values, terminal: Terminal): Promise<string> {
  if (values["password-stdin"] === true) return (await terminal.readInput()).split(/\r?\n/, 1)[0] ?? "";
  const ask = (question: string): Promise<string | null> => terminal.readSecret?.(question) ?? Promise.resolve(null);
  const password = await ask("Password: ");
  if (password === null) throw new CommandFailure("there is no terminal to ask for the password; use --password-stdin");
  if ((await ask("Again: ")) !== password) throw new CommandFailure("the two passwords differ; nothing was changed");
  return password;
}
