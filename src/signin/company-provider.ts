import {
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  discovery,
  enableNonRepudiationChecks,
} from "openid-client";
import type { Config } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";

export type Discovery =
  | { readonly ok: true; readonly configuration: Configuration }
  | { readonly ok: false; readonly detail: string };

/** What the company's provider says of itself. */
export interface CompanyProvider {
  /** From the cache for an hour. A failure is not kept: the next call asks again. */
  discover(): Promise<Discovery>;
}

const TIMEOUT_SECONDS = 5;
const CACHE_MS = 3_600_000;

/** See `CompanyProvider`. Every request to the provider may take 5 s. */
export function createProvider({
  company,
  clock,
}: {
  readonly company: NonNullable<Config["signin"]["company"]>;
  readonly clock: Pick<Clock, "monotonic">;
}): CompanyProvider {
  const issuer = new URL(company.issuer);
  // The configuration allows http on loopback only.
  const insecure = issuer.protocol === "http:" ? [allowInsecureRequests] : [];
  const options = { execute: [enableNonRepudiationChecks, ...insecure], timeout: TIMEOUT_SECONDS };
  let cached: { readonly until: number; readonly asked: Promise<Configuration> } | null = null;

  function ask(): Promise<Configuration> {
    const now = clock.monotonic();
    if (cached !== null && now < cached.until) return cached.asked;
    const asked = discovery(issuer, company.client_id, {}, clientAuth(company.client_secret), options);
    cached = { until: now + CACHE_MS, asked };
    return asked;
  }

  return {
    async discover() {
      const mine = ask();
      try {
        return { ok: true, configuration: await mine };
      } catch (error) {
        if (cached?.asked === mine) cached = null;
        return { ok: false, detail: error instanceof Error ? error.message.slice(0, 200) : "" };
      }
    },
  };
}

/** As the provider wants the secret; `client_secret_basic` where it does not say (OpenID Connect Discovery, section 3). */
function clientAuth(secret: string): ClientAuth {
  const basic = ClientSecretBasic(secret);
  const post = ClientSecretPost(secret);
  return (server, client, body, headers) => {
    const methods = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
    return (methods.includes("client_secret_basic") ? basic : post)(server, client, body, headers);
  };
}
