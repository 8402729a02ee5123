import { randomBytes } from "node:crypto";
import { createRecords } from "../../src/app/records.ts";
import { type Services, wireServices } from "../../src/app/services.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { Digester } from "../../src/credentials/digest.ts";
import type { ClientRequest } from "../../src/oauth/client-request.ts";
import type { IssuedClient } from "../../src/oauth/clients-service.ts";
import type { Policy } from "../../src/policy/types.ts";
import { createPasswords } from "../../src/signin/password.ts";
import type { PeopleService, PersonRequest } from "../../src/signin/people-service.ts";
import { wirePeople } from "../../src/signin/wire-people.ts";
import type { PersonRecord } from "../../src/store/people.ts";
import type { Store } from "../../src/store/types.ts";

/** Somebody who was added, and can sign in. */
export interface TestPerson {
  readonly record: PersonRecord;
  readonly email: string;
  readonly password: string;
}

/** What an administrator does at the command line, on a store connection of its own. */
export interface AdministratorDesk extends Services {
  readonly people: PeopleService;
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
  const records = createRecords(store.documents);
  const clock = systemClock;
  const services = wireServices({ store, records, digester, clock, policy: () => policy });
  const { people } = wirePeople({
    ...records,
    documents: store.documents,
    passwords: createPasswords({ randomBytes, cost: CHEAP }),
    clock,
    randomBytes,
    lifeMs: 3_600_000,
    scopes: () => policy.scopes,
    portals: () => policy.portals,
  });
  let count = 0;
  return {
    ...services,
    people,
    async addPerson(request = {}) {
      const email = request.email ?? `person${(count += 1)}@desk.example`;
      const password = request.password ?? randomBytes(15).toString("base64url");
      const rights = { role: "member", scopes: "all", portals: "all" } as const;
      const asked = { ...rights, name: "Pat Member", createdBy: "test", ...request, email, password };
      return { record: await people.add(asked), email, password };
    },
    addClient: (request = {}) =>
      services.clients.add({
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
