import { type Command, CommandFailure, readArgs, UsageError } from "./command.ts";
import { knownClient, revoke, serverUrl } from "./login-client.ts";
import { type Login, loginFile, readLogin, removeLogin } from "./login-file.ts";
import { withLoginLock } from "./login-lock.ts";

/** `portcullis logout`: ends the token of `portcullis login`. */
export const logout: Command = {
  usage: "portcullis logout",
  details: `Revokes the token at the server and removes the file. The file goes even where the server cannot be reached.

Exit codes: 0 done, 1 the token could not be revoked, 2 wrong usage.

Example: portcullis logout`,
  async run(args, terminal) {
    const { positionals } = readArgs(args, {});
    if (positionals[0] !== undefined) throw new UsageError(`unexpected argument: ${positionals[0]}`);
    const file = loginFile(terminal.env);
    if ((await readLogin(file)) === null) {
      terminal.out("not logged in\n");
      return 0;
    }
    const login = await forget(file);
    if (login === null) return 0;
    const { tokens, url, client_id: clientId } = login;
    try {
      if (tokens !== null) await revoke(await knownClient(serverUrl(url), clientId), tokens);
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      throw new CommandFailure(`forgotten here, but it could not be revoked at ${url}: ${error.message}`);
    }
    terminal.out(`logged out of ${url}\n`);
    return 0;
  },
};

/** What it held: the last tokens, where another command was refreshing them. */
function forget(file: string): Promise<Login | null> {
  return withLoginLock(file, async () => {
    const login = await readLogin(file);
    await removeLogin(file);
    return login;
  });
}
