import { randomBytes } from "node:crypto";
import type { Config } from "../config/config.ts";
import { systemClock } from "../core/clock.ts";
import { type AccessService, createAccessService } from "../oauth/access-service.ts";
import { type ClientsService, createClientsService } from "../oauth/clients-service.ts";
import { createGrantsService, type GrantsService } from "../oauth/grants-service.ts";
import { createClients } from "../store/clients.ts";
import { createGrants } from "../store/grants.ts";
import { createPeople, type People } from "../store/people.ts";
import { createSettings } from "../store/settings.ts";
import type { Terminal } from "./command.ts";
import { type KeyDesk, withKeyDesk } from "./key-store.ts";

/** What the commands on clients, grants and MCP access work with. */
export interface ClientsDesk extends Pick<KeyDesk, "operator" | "change"> {
  readonly clients: ClientsService;
  readonly grants: GrantsService;
  readonly access: AccessService;
  readonly people: People;
}

/** Opens the store of the configuration for the time of `work`. */
export async function withClientsDesk<T>(
  config: Config,
  terminal: Terminal,
  work: (desk: ClientsDesk) => Promise<T>,
): Promise<T> {
  return withKeyDesk(config, terminal, (desk) => {
    const { store, digester, policy } = desk;
    const grants = createGrantsService({ grants: createGrants(store.documents), clock: systemClock });
    const clients = createClientsService({
      clients: createClients(store.documents),
      grants,
      digester,
      clock: systemClock,
      randomBytes,
      scopes: () => policy.scopes,
      portals: () => policy.portals,
    });
    const access = createAccessService({ settings: createSettings(store.documents), clock: systemClock });
    return work({ ...desk, clients, grants, access, people: createPeople(store.documents) });
  });
}
