import type { Configuration } from "openid-client";
import { CommandFailure } from "./command.ts";
import { refresh } from "./login-client.ts";
import { type LoggedIn, requireLogin, writeLogin } from "./login-file.ts";
import { withLoginLock } from "./login-lock.ts";

/** A token that ends sooner is refreshed first. */
const MARGIN_MS = 30_000;

/** The access token of the login, refreshed where it has expired, by one command at a time. */
export async function accessToken(file: string, login: LoggedIn, config: Configuration): Promise<string> {
  if (isFresh(login)) return login.tokens.access_token;
  return withLoginLock(file, async () => {
    // Another command may have refreshed it meanwhile, and used up the refresh token that was read before.
    const current = await requireLogin(file);
    if (current.url !== login.url || current.client_id !== login.client_id) {
      throw new CommandFailure("another login took the place of this one; run it again");
    }
    if (isFresh(current)) return current.tokens.access_token;
    const tokens = await refresh(config, current.tokens, Date.now);
    await writeLogin(file, { ...current, tokens });
    return tokens.access_token;
  });
}

function isFresh({ tokens }: LoggedIn): boolean {
  return tokens.expires_at - MARGIN_MS > Date.now();
}
