import { hash } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import type { RandomBytes } from "../credentials/key-format.ts";
import { newSecret } from "../credentials/new-ids.ts";
import type { People, PersonRecord } from "../store/people.ts";
import type { DocumentStore } from "../store/types.ts";
import { hasActiveAdministrator } from "./administrators.ts";
import { emailTaken, type PeopleService } from "./people-service.ts";

/** What somebody who opened the link fills in. */
export interface FirstAdministrator {
  readonly email: string;
  readonly name: string;
  readonly password: string;
}

/** The one-time link by which the first administrator is made. Methods reject with `StoreUnavailable`. */
export interface SetupLinks {
  /** A new token, good for an hour; `null` where there is anybody already. Print it, never log it. */
  issue(): Promise<string | null>;
  /** True where `redeem` would take the token. Changes nothing. */
  isOpen(token: string): Promise<boolean>;
  /**
   * Makes the administrator, once over all instances and all links: `null` where the token is unknown, used or too
   * old, or where there is an administrator. Rejects with `InvalidRequest` or `PasswordsBusy`, and the
   * link stays good.
   */
  redeem(token: string, who: FirstAdministrator): Promise<PersonRecord | null>;
}

export interface SetupLinksOptions {
  readonly documents: DocumentStore;
  readonly people: People;
  readonly service: Pick<PeopleService, "prepare">;
  readonly clock: Pick<Clock, "now">;
  readonly randomBytes: RandomBytes;
}

const KIND = "setup_link";
const CLAIM_KIND = "setup_claim";
const GROUP = "setup";
const LIFE_MS = 3_600_000;
/** Longer than it takes to make a person. */
const CLAIM_MS = 60_000;
const TOKEN = /^[\w-]{43}$/;

/** Path of the link under `signin.path`, such as `/signin/setup?token=…`. */
export function setupPath(signinPath: string, token: string): string {
  return `${signinPath}/setup?token=${token}`;
}

/** See `SetupLinks`. */
export function createSetupLinks(options: SetupLinksOptions): SetupLinks {
  const { documents, people, service, clock, randomBytes } = options;

  async function isOpen(token: string): Promise<boolean> {
    if (!TOKEN.test(token)) return false;
    const link = await documents.get(KIND, idOf(token));
    return link !== null && link.consumedAt === null && !(await hasActiveAdministrator(people));
  }

  return {
    isOpen,
    async issue() {
      if ((await people.count()) > 0) return null;
      const token = newSecret(randomBytes);
      const now = clock.now();
      const times = { createdAt: now, expiresAt: now + LIFE_MS };
      await documents.insert({ kind: KIND, id: idOf(token), value: {}, ...times, lookups: [], groups: [GROUP] });
      return token;
    },
    async redeem(token, who) {
      if (!(await isOpen(token))) return null;
      const request = {
        ...who,
        role: "admin",
        scopes: "all",
        portals: "all",
        createdBy: "setup link",
      } as const;
      // First what may fail for other reasons: a link that was used up for nothing would be lost.
      const person = await service.prepare(request);
      if ((await people.findByEmail(person.email)) !== null) throw emailTaken(person.email);
      const now = clock.now();
      // Two instances print two links: the claim lets one of all of them through at a time.
      const times = { createdAt: now, expiresAt: now + CLAIM_MS };
      const claim = { kind: CLAIM_KIND, id: "first", value: {}, ...times, lookups: [], groups: [] };
      if (!(await documents.insert(claim))) return null;
      if (await hasActiveAdministrator(people)) return null;
      if (!(await documents.consume(KIND, idOf(token), now))) return null;
      const made = await people.create(person);
      if (made !== null) await documents.removeGroup(GROUP, [KIND]);
      return made;
    },
  };
}

function idOf(token: string): string {
  return hash("sha256", token, "hex");
}
