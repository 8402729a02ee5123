import { type Clients, createClients } from "../store/clients.ts";
import { createGrants, type Grants } from "../store/grants.ts";
import { createPeople, type People } from "../store/people.ts";
import { createSettings, type SettingsStore } from "../store/settings.ts";
import type { DocumentStore } from "../store/types.ts";

/** The records of the store, typed. */
export interface Records {
  readonly people: People;
  readonly clients: Clients;
  readonly grants: Grants;
  readonly settings: SettingsStore;
}

/** See `Records`. */
export function createRecords(documents: DocumentStore): Records {
  return {
    people: createPeople(documents),
    clients: createClients(documents),
    grants: createGrants(documents),
    settings: createSettings(documents),
  };
}
