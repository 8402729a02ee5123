import type { ChangeTag } from "../core/change-tag.ts";
import type { Clock } from "../core/clock.ts";
import type { Digester } from "../credentials/digest.ts";
import type { KeyService } from "../credentials/key-service.ts";
import type { RandomBytes } from "../credentials/key-format.ts";
import type { ExplainInput, Explanation } from "../policy/explain.ts";
import type { Policy } from "../policy/types.ts";
import type { PeopleService } from "../signin/people-service.ts";
import type { Sessions } from "../signin/sessions.ts";
import type { ActivityStore } from "../store/activity.ts";
import type { AdminTokens } from "../store/admin-tokens.ts";
import type { Clients } from "../store/clients.ts";
import type { Grants } from "../store/grants.ts";
import type { People } from "../store/people.ts";
import type { ChangeLog, KeyStore } from "../store/types.ts";
import { type AccessPort, createAccessAdministration } from "./access.ts";
import { createActivityAdministration } from "./activity.ts";
import { createTokensAdministration } from "./admin-tokens.ts";
import type { Administration } from "./administration.ts";
import { type ChangeAudit, createAuditTrail } from "./audit-trail.ts";
import { createAuthority } from "./authority.ts";
import { type ClientsPort, createClientsAdministration } from "./clients.ts";
import { explainQuestion } from "./explanation.ts";
import { createGrantsAdministration } from "./grants.ts";
import { createKeysAdministration } from "./keys.ts";
import { createPeopleAdministration } from "./people.ts";
import { type LiveStatus, orUnknown } from "./status.ts";

/** The services and records that administrators work on. */
export interface AdministrationDeps {
  readonly keys: KeyService;
  readonly keyStore: Pick<KeyStore, "list">;
  readonly clients: ClientsPort;
  readonly clientStore: Pick<Clients, "get" | "list" | "count">;
  readonly people: PeopleService;
  readonly peopleStore: Pick<People, "get">;
  readonly sessions: Pick<Sessions, "list" | "endAll">;
  readonly grants: Pick<Grants, "get" | "list" | "revoke">;
  readonly access: AccessPort;
  readonly tokens: AdminTokens;
  readonly activity: Pick<ActivityStore, "list" | "get">;
  readonly digester: Digester;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly audit: ChangeAudit;
  /** The rules in force. */
  readonly policy: () => Pick<Policy, "scopes" | "portals">;
  readonly liveStatus: () => LiveStatus | Promise<LiveStatus>;
  readonly changes: Pick<ChangeLog, "report" | "settled">;
  /** `null` where nothing is served here. */
  readonly openStreams: (tag: ChangeTag) => number | null;
  /** Decides as the line does, with the rules in force. */
  readonly explain: (input: ExplainInput) => Explanation | Promise<Explanation>;
}

/** See `Administration`. */
export function createAdministration(deps: AdministrationDeps): Administration {
  const { access, clientStore, clock, peopleStore, policy } = deps;
  const trail = createAuditTrail(deps.audit);
  const shared = { ...deps, trail, authority: createAuthority({ clock, trail }) };
  return {
    keys: createKeysAdministration(shared),
    clients: createClientsAdministration(shared),
    people: createPeopleAdministration(shared),
    grants: createGrantsAdministration({ ...shared, people: peopleStore, settings: access }),
    access: createAccessAdministration(shared),
    tokens: createTokensAdministration(shared),
    activity: createActivityAdministration(deps.activity),
    report: (waitMs, work) => deps.changes.report(waitMs, work),
    openStreams: (tag) => deps.openStreams(tag),
    async status() {
      const [live, settings, waitingClients] = await Promise.all([
        deps.liveStatus(),
        orUnknown(access.read()),
        orUnknown(clientStore.count("waiting")),
      ]);
      return { ...live, at: clock.now(), mcpAccess: settings?.mcpAccess ?? null, waitingClients };
    },
    catalogue() {
      const { portals, scopes } = policy();
      return {
        scopes: [...scopes].map(([scope, text]) => ({ scope, text })),
        portals: portals.map(({ id, name }) => ({ id, name })),
      };
    },
    explain: (question) => explainQuestion(question, { ...deps, settings: access, scopes: () => policy().scopes }),
  };
}
