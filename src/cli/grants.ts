import { type GrantId, isClientId, isGrantId, isPersonId, type PersonId } from "../core/ids.ts";
import { type GrantRecord, type GrantsOf, grantState } from "../store/grants.ts";
import type { Settings } from "../store/settings.ts";
import { type ClientsDesk, withClientsDesk } from "./clients-desk.ts";
import {
  type Command,
  CommandFailure,
  CONFIG_OPTION,
  type ExitCode,
  JSON_OPTION,
  readArgs,
  type Terminal,
  UsageError,
} from "./command.ts";
import { requireConfig } from "./config-file.ts";
import { isoTime } from "./key-text.ts";

const OPTIONS = {
  config: { type: "string" },
  json: { type: "boolean" },
  person: { type: "string" },
  client: { type: "string" },
  limit: { type: "string" },
  after: { type: "string" },
} as const;

type Values = ReturnType<typeof readArgs<typeof OPTIONS>>["values"];

const EXIT = "Exit codes: 0 done, 1 it could not be done, 2 wrong usage.";

const GRANT_ACTIONS = {
  list: {
    usage: "portcullis grants list [--person WHO | --client ID] [--limit N] [--after ID] [--config FILE] [--json]",
    details: `Newest first.

  --person WHO    of this person only: an email or usr_…
  --client ID     of this client only
  --limit N       1 to 1000 (default: 100)
  --after ID      the last id of the page before
${CONFIG_OPTION}
${JSON_OPTION}

${EXIT}

Example: portcullis grants list --person mara@example.com`,
  },
  revoke: {
    usage: "portcullis grants revoke ID [--config FILE] [--json]",
    details: `Final: its tokens are refused from the next request on. To revoke it again changes nothing.
ID is the id of a grant, grant_…, as \`grants list\` shows it.

${CONFIG_OPTION}
${JSON_OPTION}

${EXIT}

Example: portcullis grants revoke grant_4VVDaDCtDQHdGxC4A3Utab`,
  },
} as const;

/** `portcullis grants`: what people allowed clients. */
export const grants: Command = {
  usage: Object.values(GRANT_ACTIONS)
    .map(({ usage }) => usage)
    .join("\n"),
  details: "`portcullis grants ACTION --help` tells the options of each action.",
  actions: GRANT_ACTIONS,
  async run(args, terminal) {
    const { values, positionals } = readArgs(args, OPTIONS);
    const [action, id, ...rest] = positionals;
    if (action !== "list" && action !== "revoke") {
      throw new UsageError(action === undefined ? "say what to do" : `unknown action ${action}`);
    }
    const extra = action === "list" ? id : rest[0];
    if (extra !== undefined) throw new UsageError(`unexpected argument: ${extra}`);
    const config = await requireConfig(values.config, terminal);
    return withClientsDesk(config, terminal, (desk) =>
      action === "list" ? list(desk, values, terminal) : revoke(desk, grantId(id), values, terminal),
    );
  },
};

async function list(desk: ClientsDesk, values: Values, terminal: Terminal): Promise<ExitCode> {
  const limit = values.limit === undefined ? 100 : Number(values.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) throw new UsageError("--limit is 1 to 1000");
  const after = values.after === undefined ? {} : { after: grantId(values.after) };
  const records = await desk.grants.list(await whose(desk, values), { ...after, limit });
  const now = await stateAt(desk);
  if (values.json === true) terminal.out(`${JSON.stringify(records.map((record) => grantJson(record, now)))}\n`);
  else if (records.length === 0) terminal.out("nothing was granted yet\n");
  else terminal.out(records.map((record) => `${grantLine(record, now)}\n`).join(""));
  return 0;
}

async function whose(desk: ClientsDesk, { person, client }: Values): Promise<GrantsOf> {
  if (person !== undefined && client !== undefined) throw new UsageError("--person or --client, not both");
  if (client !== undefined) {
    if (!isClientId(client)) throw new UsageError("--client takes the id of a client");
    return { client };
  }
  return person === undefined ? "all" : { person: await personOf(desk, person) };
}

async function personOf({ people }: ClientsDesk, who: string): Promise<PersonId> {
  if (isPersonId(who)) return who;
  const found = await people.findByEmail(who.toLowerCase());
  if (found === null) throw new CommandFailure(`no person ${who}`);
  return found.id;
}

async function revoke(desk: ClientsDesk, id: GrantId, values: Values, terminal: Terminal): Promise<ExitCode> {
  const { before, record } = await desk.change({
    action: "grant.revoke",
    always: true,
    make: async () => ({ before: await desk.grants.get(id), record: await desk.grants.revoke(id) }),
    about: (made) => {
      if (made.record === null || made.before?.revokedAt != null) return null;
      return { target: made.record.id, detail: `client ${made.record.client}; person ${made.record.person}` };
    },
  });
  if (record === null) throw new CommandFailure(`no grant ${id}`);
  const already = isoTime(before?.revokedAt ?? null);
  if (values.json === true) terminal.out(`${JSON.stringify(grantJson(record, await stateAt(desk)))}\n`);
  else if (already !== null) terminal.out(`${record.id} was revoked already, at ${already}.\n`);
  else terminal.out(`revoked ${record.id}. This cannot be undone.\n`);
  return 0;
}

function grantId(text: string | undefined): GrantId {
  if (text === undefined) throw new UsageError("give the id of the grant, grant_…; `grants list` shows it");
  if (!isGrantId(text)) throw new UsageError("not the id of a grant: that is grant_ with 22 letters and digits");
  return text;
}

/** What the state of a grant goes by. */
interface StateAt {
  readonly settings: Settings;
  readonly now: number;
}

async function stateAt({ access }: ClientsDesk): Promise<StateAt> {
  return { settings: await access.read(), now: Date.now() };
}

function grantJson(record: GrantRecord, { settings, now }: StateAt): Record<string, unknown> {
  return {
    id: record.id,
    state: grantState(record, settings, now),
    person: record.person,
    client: record.client,
    scopes: record.scopes,
    portal: record.portal,
    resource: record.resource,
    flow: record.flow,
    created_at: isoTime(record.createdAt),
    expires_at: isoTime(record.expiresAt),
    revoked_at: isoTime(record.revokedAt),
  };
}

function grantLine(record: GrantRecord, { settings, now }: StateAt): string {
  return [
    record.id,
    grantState(record, settings, now).padEnd(7),
    record.person,
    record.client,
    (record.portal ?? "all portals").padEnd(11),
    record.scopes.join(","),
    record.resource,
  ].join("  ");
}
