import type { Clock } from "../core/clock.ts";
import type { PortalId, Scope } from "../core/ids.ts";
import type { RandomBytes } from "../credentials/key-format.ts";
import type { Grants } from "../store/grants.ts";
import type { People } from "../store/people.ts";
import type { DocumentStore } from "../store/types.ts";
import type { Passwords } from "./password.ts";
import { createPeopleService, type PeopleService } from "./people-service.ts";
import { createSessions, type Sessions } from "./sessions.ts";

export interface PeopleWiring {
  readonly documents: DocumentStore;
  readonly people: People;
  readonly grants: Grants;
  readonly passwords: Passwords;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  /** How long somebody stays signed in, ms. */
  readonly lifeMs: number;
  /** The catalogue in force. */
  readonly scopes: () => ReadonlyMap<Scope, string>;
  /** The portals that the rules list. */
  readonly portals: () => readonly { readonly id: PortalId }[];
}

/** People and their sessions, as the pages and the commands have them. */
export function wirePeople(wiring: PeopleWiring): { readonly people: PeopleService; readonly sessions: Sessions } {
  const sessions = createSessions(wiring);
  return { people: createPeopleService({ ...wiring, sessions }), sessions };
}
