import type { Configuration, DeviceAuthorizationResponse } from "openid-client";
import { type Command, readArgs, type Terminal, UsageError } from "./command.ts";
import { awaitTokens, isUnknownClient, knownClient, newClient, serverUrl, startDevice } from "./login-client.ts";
import { loginFile, readLogin, writeLogin } from "./login-file.ts";

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
$XDG_CONFIG_HOME/portcullis/credentials.json (default ~/.config), for you alone.

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
    const { config, device } = await begin(
      { url, clientId: values["client-id"], scopes, resource: values.resource },
      file,
    );
    const kept = { version: 1, url: url.origin, client_id: config.clientMetadata().client_id } as const;
    await writeLogin(file, { ...kept, tokens: null });
    show(device, kept.client_id, terminal);
    const tokens = await awaitTokens(config, device, Date.now);
    await writeLogin(file, { ...kept, tokens });
    terminal.out(`logged in at ${url.origin}; portcullis whoami tells as whom\n`);
    return 0;
  },
};

interface Begun {
  readonly config: Configuration;
  readonly device: DeviceAuthorizationResponse;
}

/** As the client that was given, or the one that registered before; as a new one where that is not known any more. */
async function begin(wanted: Wanted, file: string): Promise<Begun> {
  if (wanted.clientId !== undefined) return start(await knownClient(wanted.url, wanted.clientId), wanted);
  const before = await readLogin(file);
  if (before?.url === wanted.url.origin) {
    try {
      return await start(await knownClient(wanted.url, before.client_id), wanted);
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
Code  ${device.user_code}   (check that the page shows the same; it is good for ${minutes} minutes)
This is client ${clientId}. Where the page says that it waits for approval, an administrator approves that id.
Waiting …
`);
}
