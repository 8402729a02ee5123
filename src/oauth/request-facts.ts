import type { IncomingMessage } from "node:http";
import type { PersonId } from "../core/ids.ts";
import type { OwnRequest } from "../core/own-request.ts";

/** A document that was consumed. `at` is wall clock ms. */
export interface Redeemed {
  readonly kind: string;
  readonly id: string;
  readonly at: number;
}

/** What we know of a request that the authorization server answers. */
export interface RequestFact {
  readonly about: OwnRequest;
  /** Wall clock ms, before anything of its body was read. */
  readonly arrivedAt: number;
  /** The code or refresh token that it used up; `null` where it did not. */
  redeemed: Redeemed | null;
  /** True once the client was found to be one that an administrator made, approved or lists the host of. */
  clientTrusted: boolean;
  /** Who is signed in, where an authorization ends; elsewhere nobody asks. */
  readonly personId: PersonId | null;
}

/** Facts by request, for the parts that the library calls with nothing but its own context. */
export interface RequestFacts {
  note(request: IncomingMessage, fact: RequestFact): void;
  of(request: IncomingMessage): RequestFact | undefined;
}

export function createRequestFacts(): RequestFacts {
  const facts = new WeakMap<IncomingMessage, RequestFact>();
  return {
    note: (request, fact) => void facts.set(request, fact),
    of: (request) => facts.get(request),
  };
}
