import { randomBytes } from "node:crypto";
import type { Administration } from "../administration/administration.ts";
import type { ChangeAudit } from "../administration/audit-trail.ts";
import { createAdministration } from "../administration/create-administration.ts";
import type { LiveStatus } from "../administration/status.ts";
import type { Config } from "../config/config.ts";
import type { Clock } from "../core/clock.ts";
import type { Digester } from "../credentials/digest.ts";
import type { Policy } from "../policy/types.ts";
import type { PeopleService } from "../signin/people-service.ts";
import type { Sessions } from "../signin/sessions.ts";
import type { OpenStreams } from "../proxy/open-streams.ts";
import { createAdminTokens } from "../store/admin-tokens.ts";
import type { Store } from "../store/types.ts";
import type { Records } from "./records.ts";
import { wireServices } from "./services.ts";

export interface AdministrationWiring {
  readonly store: Store;
  readonly records: Records;
  readonly digester: Digester;
  readonly clock: Clock;
  readonly audit: ChangeAudit;
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
  const { audit, clock, digester, liveStatus, open, people, policy, records, sessions, store } = wiring;
  const { access, clients, keys } = wireServices(wiring);
  return createAdministration({
    keys,
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
    openStreams: (tag) => open?.openOf(tag) ?? null,
    async explain(input) {
      // Commands, which use all the rest, must start fast.
      const { explainOnWire } = await import("./explain-wire.ts");
      return explainOnWire(config, policy(), input);
    },
  });
}
