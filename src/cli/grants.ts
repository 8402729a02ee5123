import type { GrantQuery, GrantView } from "../administration/administration.ts";
import { type GrantId, isClientId, isGrantId, isPersonId, type PersonId } from "../core/ids.ts";
import {
  type Command,
  CommandFailure,
  COMMON_OPTIONS,
  NO_WAIT,
  EXIT_CODES,
  type ExitCode,
  readArgs,
  UsageError,
} from "./command.ts";
import { spreadJson } from "../revocation/spread-text.ts";
import type { Desk } from "./desk.ts";
import { type Call, deskCommand } from "./desk-command.ts";
import { isoTime, plain, printList } from "./list-text.ts";
import { limitOf } from "./options.ts";

const OPTIONS = {
  config: { type: "string" },
  json: { type: "boolean" },
  "no-wait": { type: "boolean" },
  person: { type: "string" },
  client: { type: "string" },
  limit: { type: "string" },
  after: { type: "string" },
} as const;

const read = (args: readonly string[]) => readArgs(args, OPTIONS);
type Values = ReturnType<typeof read>["values"];
type Context = Call<Values>;

const GRANT_ACTIONS = {
  list: {
    usage: "portcullis grants list [--person WHO | --client ID] [--limit N] [--after ID] [--config FILE] [--json]",
    details: `Newest first.

  --person WHO    of this person only: an email or usr_…
  --client ID     of this client only
  --limit N       1 to 1000 (default: 100)
  --after ID      the last id of the page before
${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis grants list --person mara@example.com`,
  },
  revoke: {
    usage: "portcullis grants revoke ID [--no-wait] [--config FILE] [--json]",
    details: `Final: its tokens are refused from the next request on. To revoke it again changes nothing.
ID is the id of a grant, grant_…, as \`grants list\` shows it.

${NO_WAIT}
${COMMON_OPTIONS}

${EXIT_CODES}

Example: portcullis grants revoke grant_4VVDaDCtDQHdGxC4A3Utab`,
  },
} as const;

/** `portcullis grants`: what people allowed clients. */
export const grants: Command = deskCommand({
  name: "grants",
  help: GRANT_ACTIONS,
  read,
  alone: ["list"],
  actions: { list, revoke },
});

async function list({ desk, values, terminal }: Context): Promise<ExitCode> {
  const limit = limitOf(values.limit);
  const after = values.after === undefined ? undefined : grantId(values.after);
  const { items } = await desk.administration.grants.list({ ...(await whose(desk, values)), after, limit });
  const none = "nothing was granted yet";
  printList(items, { json: values.json, asJson: grantJson, line: grantLine, none }, terminal);
  return 0;
}

async function whose(desk: Desk, { person, client }: Values): Promise<Pick<GrantQuery, "person" | "client">> {
  if (person !== undefined && client !== undefined) throw new UsageError("--person or --client, not both");
  if (client !== undefined && !isClientId(client)) throw new UsageError("--client takes the id of a client");
  return { client, person: person === undefined ? undefined : await personOf(desk, person) };
}

async function personOf({ administration }: Desk, who: string): Promise<PersonId> {
  if (isPersonId(who)) return who;
  const found = await administration.people.get(who);
  if (found === null) throw new CommandFailure(`no person ${who}`);
  return found.id;
}

async function revoke({ desk, id, values, terminal }: Context): Promise<ExitCode> {
  const grant = grantId(id);
  const { grants: service } = desk.administration;
  const { spread, value: outcome } = await desk.take(values, (actor) => service.revoke(actor, grant));
  const view = await service.get(grant);
  if (outcome.kind === "not_found" || view === null) throw new CommandFailure(`no grant ${grant}`);
  const { kind, record } = outcome;
  const json = { ...grantJson(view), applied: spreadJson(spread) };
  if (values.json === true) terminal.out(`${JSON.stringify(json)}\n`);
  else if (kind === "unchanged") terminal.out(`${record.id} was revoked already, at ${isoTime(record.revokedAt)}.\n`);
  else terminal.out(`revoked ${record.id}. This cannot be undone.\n`);
  return 0;
}

function grantId(text: string | undefined): GrantId {
  if (text === undefined) throw new UsageError("give the id of the grant, grant_…; `grants list` shows it");
  if (!isGrantId(text)) throw new UsageError("not the id of a grant: that is grant_ with 22 letters and digits");
  return text;
}

function grantJson({ record, state }: GrantView): Record<string, unknown> {
  return {
    id: record.id,
    state,
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

function grantLine({ record, state }: GrantView): string {
  return [
    record.id,
    state.padEnd(7),
    record.person,
    plain(record.client),
    (record.portal ?? "all portals").padEnd(11),
    record.scopes.join(","),
    plain(record.resource),
  ].join("  ");
}
