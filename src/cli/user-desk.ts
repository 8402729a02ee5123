import { randomBytes } from "node:crypto";
import type { Config } from "../config/config.ts";
import { systemClock } from "../core/clock.ts";
import { createPasswords } from "../signin/password.ts";
import { createPeopleService, type PeopleService } from "../signin/people-service.ts";
import { createSessions } from "../signin/sessions.ts";
import { createGrants } from "../store/grants.ts";
import { createPeople } from "../store/people.ts";
import type { Terminal } from "./command.ts";
import { type KeyDesk, withKeyDesk } from "./key-store.ts";

/** What the commands about people work with. */
export interface UserDesk extends Pick<KeyDesk, "store" | "policy" | "operator" | "change"> {
  readonly people: PeopleService;
}

/** Opens the store of the configuration for the time of `work`. */
export function withUserDesk<T>(config: Config, terminal: Terminal, work: (desk: UserDesk) => Promise<T>): Promise<T> {
  return withKeyDesk(config, terminal, (desk) => {
    const { documents } = desk.store;
    const people = createPeople(documents);
    const lifeMs = config.signin.session;
    const service = createPeopleService({
      people,
      grants: createGrants(documents),
      sessions: createSessions({ documents, people, clock: systemClock, randomBytes, lifeMs }),
      clock: systemClock,
      randomBytes,
      passwords: createPasswords({ randomBytes }),
      scopes: () => desk.policy.scopes,
      portals: () => desk.policy.portals,
    });
    return work({ ...desk, people: service });
  });
}
