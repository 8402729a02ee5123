import { randomBytes } from "node:crypto";
import { createRecords } from "../../src/app/records.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { Digester } from "../../src/credentials/digest.ts";
import { type AccessService, createAccessService } from "../../src/oauth/access-service.ts";
import type { ClientRequest } from "../../src/oauth/client-request.ts";
import { type ClientsService, createClientsService, type IssuedClient } from "../../src/oauth/clients-service.ts";
import { createGrantsService, type GrantsService } from "../../src/oauth/grants-service.ts";
import type { Policy } from "../../src/policy/types.ts";
import { createPasswords } from "../../src/signin/password.ts";
import { createPeopleService, type PeopleService, type PersonRequest } from "../../src/signin/people-service.ts";
import { createSessions } from "../../src/signin/sessions.ts";
import type { PersonRecord } from "../../src/store/people.ts";
import type { Store } from "../../src/store/types.ts";

/** Somebody who was added, and can sign in. */
export interface TestPerson {
  readonly record: PersonRecord;
  readonly email: string;
  readonly password: string;
}

/** What an administrator does at the command line, on a store connection of its own. */
export interface AdministratorDesk {
  readonly people: PeopleService;
  readonly clients: ClientsService;
  readonly grants: GrantsService;
  readonly access: AccessService;
  /** A member with all scopes and portals, where nothing else is said. */
  addPerson(request?: Partial<PersonRequest>): Promise<TestPerson>;
  /** A public client with the code and device flows, where nothing else is said. */
  addClient(request?: Partial<ClientRequest>): Promise<IssuedClient>;
}

/** Weak on purpose: what is stored says its own cost, and tests sign in often. */
const CHEAP = { ln: 4, r: 8, p: 1 };

/** See `AdministratorDesk`. */
export function createAdministratorDesk(
  store: Store,
  deps: { readonly digester: Digester; readonly policy: Pick<Policy, "scopes" | "portals"> },
): AdministratorDesk {
  const { digester, policy } = deps;
  const { clients, grants, people, settings } = createRecords(store.documents);
  const clock = systemClock;
  const scopes = (): Policy["scopes"] => policy.scopes;
  const portals = (): Policy["portals"] => policy.portals;
  const sessions = createSessions({ documents: store.documents, people, clock, randomBytes, lifeMs: 3_600_000 });
  const passwords = createPasswords({ randomBytes, cost: CHEAP });
  const peopleService = createPeopleService({
    people,
    grants,
    sessions,
    clock,
    randomBytes,
    passwords,
    scopes,
    portals,
  });
  const grantsService = createGrantsService({ grants, clock });
  const clientsService = createClientsService({
    clients,
    grants: grantsService,
    digester,
    clock,
    randomBytes,
    scopes,
    portals,
  });
  let count = 0;
  return {
    people: peopleService,
    clients: clientsService,
    grants: grantsService,
    access: createAccessService({ settings, clock }),
    async addPerson(request = {}) {
      const email = request.email ?? `person${(count += 1)}@desk.example`;
      const password = request.password ?? randomBytes(15).toString("base64url");
      const rights = { role: "member", scopes: "all", portals: "all" } as const;
      const asked = { ...rights, name: "Pat Member", createdBy: "test", ...request, email, password };
      return { record: await peopleService.add(asked), email, password };
    },
    addClient: (request = {}) =>
      clientsService.add({
        name: "Test client",
        redirectUris: ["http://127.0.0.1:9/callback"],
        confidential: false,
        grantTypes: [],
        scopes: [],
        portal: null,
        createdBy: "test",
        ...request,
      }),
  };
}
