import { randomBytes } from "node:crypto";
import type { Administration } from "../administration/administration.ts";
import { createAdministration } from "../administration/create-administration.ts";
import type { LiveStatus } from "../administration/status.ts";
import type { Config } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import type { Digester } from "../credentials/digest.ts";
import { createKeyService, type KeyService } from "../credentials/key-service.ts";
import { createAccessService } from "../oauth/access-service.ts";
import { createClientsService } from "../oauth/clients-service.ts";
import { createGrantsService } from "../oauth/grants-service.ts";
import { explain } from "../policy/explain.ts";
import type { Policy } from "../policy/types.ts";
import type { PeopleService } from "../signin/people-service.ts";
import type { Sessions } from "../signin/sessions.ts";
import type { OpenStreams } from "../proxy/open-streams.ts";
import { createAdminTokens } from "../store/admin-tokens.ts";
import type { Store } from "../store/types.ts";
import type { AuditLog } from "../telemetry/audit.ts";
import { messageOnWire, wireChecks } from "./explain-wire.ts";
import type { Records } from "./records.ts";

export interface AdministrationWiring {
  readonly store: Store;
  readonly records: Records;
  readonly digester: Digester;
  readonly clock: Clock;
  readonly audit: AuditLog;
  /** The rules in force. */
  readonly policy: () => Policy;
  readonly people: PeopleService;
  readonly sessions: Sessions;
  readonly liveStatus: () => LiveStatus | Promise<LiveStatus>;
  /** What is under way here; `null` where nothing is served. */
  readonly open: Pick<OpenStreams, "openOf"> | null;
}

/** What administrators can do, on the services that the commands use too. */
export function wireAdministration(config: Config, wiring: AdministrationWiring): Administration {
  const { audit, clock, digester, liveStatus, people, policy, records, sessions, store } = wiring;
  const scopes = (): Policy["scopes"] => policy().scopes;
  const portals = (): Policy["portals"] => policy().portals;
  const { access, clients } = servicesOf(wiring, { scopes, portals });
  return createAdministration({
    keys: keysUnder(wiring),
    keyStore: store.keys,
    clients,
    clientStore: records.clients,
    people,
    peopleStore: records.people,
    sessions,
    grants: records.grants,
    access,
    tokens: createAdminTokens(store.documents),
    activity: store.activity,
    digester,
    clock,
    randomBytes,
    audit,
    policy,
    liveStatus,
    changes: store.changes,
    openOf: wiring.open === null ? null : (tag) => wiring.open?.openOf(tag) ?? 0,
    explain(input) {
      const wire = wireChecks(config, input);
      return explain(policy(), input, messageOnWire(policy(), wire), wire);
    },
  });
}

function servicesOf(
  { clock, digester, records }: AdministrationWiring,
  rules: { readonly scopes: () => Policy["scopes"]; readonly portals: () => Policy["portals"] },
) {
  const grants = createGrantsService({ grants: records.grants, clock });
  return {
    access: createAccessService({ settings: records.settings, clock }),
    clients: createClientsService({ clients: records.clients, grants, digester, clock, randomBytes, ...rules }),
  };
}

/** Keys under the catalogue in force: rules reload. */
function keysUnder({ clock, digester, policy, store }: AdministrationWiring): KeyService {
  const now = (): KeyService =>
    createKeyService({ keys: store.keys, digester, clock, randomBytes, scopes: policy().scopes });
  return {
    create: (request) => now().create(request),
    list: (page) => now().list(page),
    get: (id) => now().get(id),
    revoke: (id) => now().revoke(id),
    rotate: (id, options) => now().rotate(id, options),
  };
}
