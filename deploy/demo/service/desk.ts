import { seed } from "./data.ts";
import { notFound } from "./failure.ts";
import type { Portal, Ticket } from "./model.ts";
import { PortalState, type TicketEvent } from "./portal-state.ts";

/** All portals, and who follows their changes. */
export class Desk {
  readonly #portals = new Map<string, PortalState>();
  readonly #followers = new Set<(event: TicketEvent) => void>();

  /** `now` is the wall clock in milliseconds. */
  constructor(now: () => number) {
    const onChange = (event: TicketEvent): void => {
      for (const follower of this.#followers) follower(event);
    };
    for (const portal of seed()) this.#portals.set(portal.portal.id, new PortalState({ seed: portal, now, onChange }));
  }

  has(portalId: string): boolean {
    return this.#portals.has(portalId);
  }

  /** Throws a `Failure` with 404 for an unknown portal. */
  portal(id: string): PortalState {
    const portal = this.#portals.get(id);
    if (portal === undefined) throw notFound("portal");
    return portal;
  }

  /** All portals, or the one that `only` names: the way in which a service may use `X-Portcullis-Portal`. */
  portals(only: string | undefined): readonly Portal[] {
    const all = [...this.#portals.values()].map((state) => state.portal);
    return only === undefined ? all : all.filter((portal) => portal.id === only);
  }

  /** Tickets with the text, of the portals that `only` leaves and that `portalId`, where given, names. */
  search(text: string, portalId: string | undefined, only: string | undefined): readonly Ticket[] {
    const asked = portalId === undefined ? [...this.#portals.values()] : [this.portal(portalId)];
    return asked
      .filter((state) => only === undefined || state.portal.id === only)
      .flatMap((state) => state.search(text));
  }

  /** Calls `follower` for each change of a ticket. Returns what stops it. */
  follow(follower: (event: TicketEvent) => void): () => void {
    this.#followers.add(follower);
    return () => {
      this.#followers.delete(follower);
    };
  }
}
