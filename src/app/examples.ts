import type { Examples } from "../admin/routes/admin-pages.ts";
import type { Config } from "../config/config.ts";
import { principalOf } from "../credentials/principal.ts";
import { exampleFor } from "../policy/request-example.ts";
import { protectedResources } from "../policy/resources.ts";
import type { Policy } from "../policy/types.ts";
import { explainOnWire } from "./explain-wire.ts";

/** What people can try, by the rules in force. `consoleUrl` is where the pages are. */
export function examplesFor(
  config: Config,
  { issuer, policy }: { readonly issuer: () => string; readonly policy: () => Policy },
  consoleUrl: string,
): Examples {
  const rules = policy();
  const mcp = protectedResources(rules).find(({ path }) => path !== "");
  return {
    origin: issuer(),
    forKey(key) {
      const principal = principalOf(key);
      return exampleFor(rules, principal, (request) => {
        return explainOnWire(config, rules, { ...request, body: null, principal }).verdict.allow;
      });
    },
    mcp: mcp === undefined ? null : `${issuer()}${mcp.path}`,
    token: config.oauth.enabled ? `${issuer()}${config.oauth.path}/token` : null,
    adminApi: `${consoleUrl}/api/v1/keys`,
  };
}
