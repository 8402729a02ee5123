import { isPersonId } from "../core/ids.ts";
import {
  InvalidPersonRequest,
  type PersonChange,
  type PersonEdit,
  type PersonRequest,
} from "../signin/people-service.ts";
import type { PersonRecord, Role } from "../store/people.ts";
import {
  type Command,
  CommandFailure,
  type ExitCode,
  pickAction,
  readArgs,
  type Terminal,
  UsageError,
} from "./command.ts";
import { requireConfig } from "./config-file.ts";
import { type UserDesk, withUserDesk } from "./user-desk.ts";
import { personJson, personLine, personText, rightsText } from "./user-text.ts";
import { USER_ACTIONS } from "./users-help.ts";

const OPTIONS = {
  config: { type: "string" },
  json: { type: "boolean" },
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

type Values = ReturnType<typeof readArgs<typeof OPTIONS>>["values"];

/** `portcullis users`: people at the terminal. */
export const users: Command = {
  usage: Object.values(USER_ACTIONS)
    .map(({ usage }) => usage)
    .join("\n"),
  details: "`portcullis users ACTION --help` tells the options of each action.",
  actions: USER_ACTIONS,
  async run(args, terminal) {
    const { values, positionals } = readArgs(args, OPTIONS);
    const [action, who, ...rest] = positionals;
    if (rest.length > 0) throw new UsageError(`unexpected argument: ${rest[0]}`);
    const act = pickAction(ACTIONS, action);
    if ((action === "add" || action === "list") && who !== undefined) {
      throw new UsageError(`unexpected argument: ${who}`);
    }
    const config = await requireConfig(values.config, terminal);
    try {
      return await withUserDesk(config, terminal, (desk) => act({ desk, values, who, terminal }));
    } catch (error) {
      if (error instanceof InvalidPersonRequest) throw new CommandFailure(error.problems.join("\n"));
      throw error;
    }
  },
};

interface Context {
  readonly desk: UserDesk;
  readonly values: Values;
  readonly who: string | undefined;
  readonly terminal: Terminal;
}

const ACTIONS: Readonly<Record<string, (context: Context) => Promise<ExitCode>>> = {
  add,
  list,
  show,
  passwd,
  disable,
  enable,
  edit,
};

async function add({ desk, values, terminal }: Context): Promise<ExitCode> {
  const { email, name } = values;
  if (email === undefined) throw new UsageError("--email is needed");
  if (name === undefined) throw new UsageError("--name is needed");
  const role: Role = values.admin === true ? "admin" : "member";
  const scopes: PersonRequest["scopes"] = namesOf(values.scope) ?? "all";
  const portals: PersonRequest["portals"] = namesOf(values.portal) ?? "all";
  const password = await readPassword(values, terminal);
  const request = { email, name, role, scopes, portals, password, createdBy: desk.operator };
  const person = await desk.change({
    action: "person.add",
    make: () => desk.people.add(request),
    about: (made) => ({ target: made.id, detail: rightsText(made) }),
  });
  if (values.json === true) printPerson(person, values, terminal);
  else terminal.out(`added ${person.id} ${person.email}: ${rightsText(person)}\n`);
  return 0;
}

async function list({ desk, values, terminal }: Context): Promise<ExitCode> {
  const limit = values.limit === undefined ? 100 : Number(values.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) throw new UsageError("--limit is 1 to 1000");
  const { after } = values;
  if (after !== undefined && !isPersonId(after)) throw new UsageError("--after takes the id of a person, usr_…");
  const people = await desk.people.list(after === undefined ? { limit } : { after, limit });
  if (values.json === true) terminal.out(`${JSON.stringify(people.map(personJson))}\n`);
  else if (people.length === 0) terminal.out("nobody yet; add the first with: portcullis users add --admin\n");
  else terminal.out(people.map((person) => `${personLine(person)}\n`).join(""));
  return 0;
}

async function show({ desk, values, who, terminal }: Context): Promise<ExitCode> {
  printPerson(await requirePerson(desk, who), values, terminal);
  return 0;
}

async function passwd({ desk, values, who, terminal }: Context): Promise<ExitCode> {
  const { id } = await requirePerson(desk, who);
  const password = await readPassword(values, terminal);
  const changed = await desk.change({
    action: "person.password",
    make: () => desk.people.setPassword(id, password),
    about: aboutChange(() => "sessions and grants ended"),
  });
  const done = "signed out everywhere, ended every token, and set the password of";
  return told(changed, { values, terminal, done, already: "" });
}

async function disable({ desk, values, who, terminal }: Context): Promise<ExitCode> {
  const { id } = await requirePerson(desk, who);
  const changed = await desk.change({
    action: "person.disable",
    // Nothing may keep somebody from being shut out.
    always: true,
    make: () => desk.people.disable(id),
    about: aboutChange(() => ""),
  });
  return told(changed, { values, terminal, done: "disabled", already: "is disabled already" });
}

async function enable({ desk, values, who, terminal }: Context): Promise<ExitCode> {
  const { id } = await requirePerson(desk, who);
  const changed = await desk.change({
    action: "person.enable",
    make: () => desk.people.enable(id),
    about: aboutChange(rightsText),
  });
  return told(changed, { values, terminal, done: "enabled", already: "is not disabled" });
}

async function edit({ desk, values, who, terminal }: Context): Promise<ExitCode> {
  const changes = editOf(values);
  const { id } = await requirePerson(desk, who);
  const changed = await desk.change({
    action: "person.edit",
    make: () => desk.people.edit(id, changes),
    about: aboutChange(rightsText),
  });
  return told(changed, { values, terminal, done: "changed", already: "is so already" });
}

function editOf(values: Values): PersonEdit {
  const { name, role } = values;
  if (role !== undefined && role !== "admin" && role !== "member") throw new UsageError("--role is admin or member");
  const scopes = oneOf(values.scope, values["all-scopes"], "--scope or --all-scopes, not both");
  const portals = oneOf(values.portal, values["all-portals"], "--portal or --all-portals, not both");
  const changes: PersonEdit = {
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

function namesOf(values: readonly string[] | undefined): readonly string[] | undefined {
  return values?.flatMap((value) => value.split(","));
}

async function requirePerson({ people }: UserDesk, who: string | undefined): Promise<PersonRecord> {
  if (who === undefined) throw new UsageError("say who: an email, or an id usr_…; `users list` shows them");
  const person = await people.get(who);
  if (person === null) throw new CommandFailure(`nobody here is ${who}`);
  return person;
}

function aboutChange(detail: (person: PersonRecord) => string) {
  return (changed: PersonChange) =>
    changed.kind === "changed" ? { target: changed.person.id, detail: detail(changed.person) } : null;
}

function told(
  changed: PersonChange,
  words: { readonly values: Values; readonly terminal: Terminal; readonly done: string; readonly already: string },
): ExitCode {
  const { already, done, terminal, values } = words;
  if (changed.kind === "not_found") throw new CommandFailure("that person is gone");
  const { person } = changed;
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
