import { deny, type Deny } from "../core/decision.ts";
import type { AuthenticatedPrincipal } from "../core/principal.ts";
import { isAtOrUnder } from "../core/reserved-paths.ts";

/** Whether the credential is for the path; `null` where so. Keys are for every path, tokens for what their audience says. */
export function decideAudience(principal: AuthenticatedPrincipal, path: string): Deny | null {
  if (principal.kind === "api_key" || isAtOrUnder(path, principal.audiencePath)) return null;
  return deny("credential_audience", `the token is for ${principal.audiencePath} and what is under it`);
}
