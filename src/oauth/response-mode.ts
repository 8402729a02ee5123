import { errors, type KoaContextWithOIDC } from "oidc-provider";

/** The one way in which codes go back to clients: others would need script on a page of ours. */
export const RESPONSE_MODE = "query";

/** Refuses other response modes, in the one that is served. */
export function refuseOtherModes(ctx: KoaContextWithOIDC, mode: string | undefined): void {
  const { params } = ctx.oidc;
  if (mode === undefined || mode === RESPONSE_MODE || params === undefined) return;
  params["response_mode"] = undefined;
  throw new errors.UnsupportedResponseMode();
}
