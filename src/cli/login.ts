import type { Configuration, DeviceAuthorizationResponse } from "openid-client";
import { plain, plainLines } from "./list-text.ts";
import { type Command, CommandFailure, readArgs, type Terminal, UsageError } from "./command.ts";
import {
  awaitTokens,
  isUnknownClient,
  knownClient,
  newClient,
  revoke,
  serverUrl,
  startDevice,
} from "./login-client.ts";
import { type Login, loginFile, readLogin, writeLogin } from "./login-file.ts";
import { withLoginLock } from "./login-lock.ts";

interface Wanted {
  readonly url: URL;
  readonly clientId: string | undefined;
  readonly scopes: readonly string[];
  readonly resource: string | undefined;
}

/** `portcullis login`: gets a token by the device flow, as any client without a browser does. */
export const login: Command = {
  usage: "portcullis login --device --url URL [--scope S …] [--resource URL] [--client-id ID]",
  details: `Prints a code and where to enter it, and waits. The token is kept for \`whoami\` and \`explain --token\` in
$XDG_CONFIG_HOME/portcullis/credentials.json (default ~/.config), for you alone. One login is kept: once there is a new
token, the one before is revoked.

  --device        by device code (RFC 8628), the one way there is
  --url URL       where Portcullis is, such as https://desk.example.com
  --scope S       what to ask for; again, or with commas, for more (default: all that you may give)
  --resource URL  what the token is for (default: all of URL)
  --client-id ID  a client that an administrator added (default: it registers itself, once)

Exit codes: 0 logged in, 1 it could not be done or was denied, 2 wrong usage.

Example: portcullis login --device --url https://desk.example.com --scope tickets:read`,
  async run(args, terminal) {
    const { values, positionals } = readArgs(args, {
      device: { type: "boolean" },
      url: { type: "string" },
      scope: { type: "string", multiple: true },
      resource: { type: "string" },
      "client-id": { type: "string" },
    });
    if (positionals[0] !== undefined) throw new UsageError(`unexpected argument: ${positionals[0]}`);
    if (values.device !== true) throw new UsageError("--device is needed: there is no other way to log in yet");
    if (values.url === undefined) throw new UsageError("--url is needed");
    const url = serverUrl(values.url);
    const scopes = values.scope?.flatMap((scope) => scope.split(",")) ?? [];
    const file = loginFile(terminal.env);
    const before = await readLogin(file);
    if (before !== null && before.tokens !== null && before.url !== url.origin) {
      terminal.error(`You are logged in at ${before.url}. This login will take its place, and end that one.\n`);
    }
    const wanted = { url, clientId: values["client-id"], scopes, resource: values.resource };
    const { config, device } = await begin(wanted, before);
    const client = { url: url.origin, client_id: config.clientMetadata().client_id };
    await keepClient(file, client);
    show(device, client.client_id, terminal);
    const tokens = await awaitTokens(config, device, Date.now);
    await endEarlier(await keepTokens(file, { version: 1, ...client, tokens }), terminal);
    terminal.out(`logged in at ${url.origin}; portcullis whoami tells as whom\n`);
    return 0;
  },
};

/** For the next time, where this client waits for approval. The tokens of an earlier login stay until new ones come. */
function keepClient(file: string, client: NonNullable<Login["pending"]>): Promise<void> {
  return withLoginLock(file, async () => {
    const last = await readLogin(file);
    const loggedIn = last !== null && last.tokens !== null;
    await writeLogin(file, loggedIn ? { ...last, pending: client } : { version: 1, ...client, tokens: null });
  });
}

/** Returns what was kept before. */
function keepTokens(file: string, next: Login): Promise<Login | null> {
  return withLoginLock(file, async () => {
    const last = await readLogin(file);
    await writeLogin(file, next);
    return last;
  });
}

/** The new login stands, also where the earlier one cannot be ended. */
async function endEarlier(last: Login | null, terminal: Terminal): Promise<void> {
  if (last === null || last.tokens === null) return;
  try {
    await revoke(await knownClient(serverUrl(last.url), last.client_id), last.tokens);
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    terminal.error(plainLines(`The earlier login could not be ended at ${last.url}: ${error.message}\n`));
  }
}

interface Begun {
  readonly config: Configuration;
  readonly device: DeviceAuthorizationResponse;
}

/** As the client that was given, or the one that registered before; as a new one where that is not known any more. */
async function begin(wanted: Wanted, before: Login | null): Promise<Begun> {
  if (wanted.clientId !== undefined) return start(await knownClient(wanted.url, wanted.clientId), wanted);
  const known = [before?.pending, before].find((client) => client?.url === wanted.url.origin);
  if (known !== undefined && known !== null) {
    try {
      return await start(await knownClient(wanted.url, known.client_id), wanted);
    } catch (error) {
      if (!isUnknownClient(error)) throw error;
    }
  }
  return start(await newClient(wanted.url), wanted);
}

async function start(config: Configuration, wanted: Wanted): Promise<Begun> {
  return { config, device: await startDevice(config, wanted) };
}

function show(device: DeviceAuthorizationResponse, clientId: string, terminal: Terminal): void {
  const link = device.verification_uri_complete ?? device.verification_uri;
  const minutes = Math.round(device.expires_in / 60);
  terminal.error(`Open  ${link}
Code  ${plain(device.user_code)}   (check that the page shows the same; it is good for ${minutes} minutes)
This is client ${plain(clientId)}. Where the page says that it waits for approval, an administrator approves that id.
Waiting …
`);
}
