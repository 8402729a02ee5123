import { randomBytes } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import type { Digester } from "../credentials/digest.ts";
import { createKeyService, type KeyService } from "../credentials/key-service.ts";
import { type AccessService, createAccessService } from "../oauth/access-service.ts";
import { type ClientsService, createClientsService } from "../oauth/clients-service.ts";
import type { Policy } from "../policy/types.ts";
import type { KeyStore } from "../store/types.ts";
import type { Records } from "./records.ts";

/** Life of keys and clients, and the settings. */
export interface Services {
  readonly keys: KeyService;
  readonly clients: ClientsService;
  readonly access: AccessService;
}

export interface ServicesWiring {
  readonly store: { readonly keys: KeyStore };
  readonly records: Records;
  readonly digester: Digester;
  readonly clock: Clock;
  /** The rules in force. */
  readonly policy: () => Pick<Policy, "scopes" | "portals">;
}

/** See `Services`. */
export function wireServices(wiring: ServicesWiring): Services {
  const { clock, digester, policy, records } = wiring;
  const clients = createClientsService({
    ...records,
    digester,
    clock,
    randomBytes,
    scopes: () => policy().scopes,
    portals: () => policy().portals,
  });
  const access = createAccessService({ settings: records.settings, clock });
  return { keys: keysUnder(wiring), clients, access };
}

/** Keys under the catalogue in force: rules reload. */
function keysUnder({ clock, digester, policy, store }: ServicesWiring): KeyService {
  const now = (): KeyService => {
    const { portals, scopes } = policy();
    return createKeyService({ keys: store.keys, digester, clock, randomBytes, scopes, portals });
  };
  return {
    create: (request) => now().create(request),
    get: (id) => now().get(id),
    revoke: (id) => now().revoke(id),
    rotate: (id, options) => now().rotate(id, options),
  };
}
