import { z } from "zod";
import { type Command, CommandFailure, JSON_OPTION, readArgs, UsageError } from "./command.ts";
import { factLines, plain } from "./list-text.ts";
import { knownClient, serverUrl } from "./login-client.ts";
import { loginFile, requireLogin } from "./login-file.ts";
import { accessToken } from "./login-tokens.ts";

const answerSchema = z.object({
  subject: z.string(),
  client: z.string().nullable(),
  scopes: z.array(z.string()),
  portal: z.string().nullable(),
  expires_at: z.string().nullable(),
});

/** `portcullis whoami`: what the token of `portcullis login` stands for. */
export const whoami: Command = {
  usage: "portcullis whoami [--json]",
  details: `Asks the server. A token that has expired is refreshed first.

${JSON_OPTION}

Exit codes: 0 done, 1 not logged in or refused, 2 wrong usage.

Example: portcullis whoami --json`,
  async run(args, terminal) {
    const { values, positionals } = readArgs(args, { json: { type: "boolean" } });
    if (positionals[0] !== undefined) throw new UsageError(`unexpected argument: ${positionals[0]}`);
    const file = loginFile(terminal.env);
    const login = await requireLogin(file);
    const config = await knownClient(serverUrl(login.url), login.client_id);
    const token = await accessToken(file, login, config);
    const answer = await ask(config.serverMetadata().token_endpoint, token);
    const json = values.json === true;
    terminal.out(json ? `${plain(JSON.stringify({ url: login.url, ...answer }))}\n` : asText(login.url, answer));
    return 0;
  },
};

type Answer = z.output<typeof answerSchema>;

/** It stands beside the token endpoint, which `knownClient` has found to be at the origin of the login. */
async function ask(tokenEndpoint: string | undefined, token: string): Promise<Answer> {
  if (tokenEndpoint === undefined) throw new CommandFailure("the server names no token endpoint");
  const headers = { authorization: `Bearer ${token}`, accept: "application/json" };
  const response = await fetch(new URL("whoami", tokenEndpoint), { headers, redirect: "error" });
  if (response.status === 401) {
    throw new CommandFailure("the token is not in force any more; log in again: portcullis login --device");
  }
  const read = response.ok ? answerSchema.safeParse(await response.json()) : null;
  if (read?.success !== true) throw new CommandFailure(`the server answered ${response.status} and nothing that helps`);
  return read.data;
}

function asText(url: string, answer: Answer): string {
  const facts = {
    server: url,
    subject: answer.subject,
    client: answer.client ?? "none",
    scopes: answer.scopes,
    portal: answer.portal ?? "all portals",
    expires: answer.expires_at ?? "never",
  };
  return factLines(facts, 8);
}
