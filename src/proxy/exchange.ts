import type { Decision, Outcome, Reason } from "../core/decision.ts";
import { ANONYMOUS, type AuthenticatedPrincipal, type Principal } from "../core/principal.ts";
import type { Clock } from "../core/clock.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { McpUse } from "./mcp-use.ts";
import type { OpenCredential } from "./open-streams.ts";
import type { OwnEndpoints } from "./own-endpoints.ts";
import type { BodyBudget, CollectedBody } from "./request-body.ts";
import type { Recorder } from "./recorder.ts";
import { type Answer, refusal } from "./refusal.ts";
import type { InboundHead } from "./request-reader.ts";
import type { ActivePolicy, RouteRuntime } from "./route-runtime.ts";

/** What the audit says where the client left before an answer; nothing is sent. */
export const CLIENT_CLOSED_STATUS = 499;

/** What the listener knows when a request begins. */
export interface ExchangeStart {
  readonly head: InboundHead;
  readonly connection: ClientConnection;
  readonly requestId: string;
  /** Monotonic ms. */
  readonly startedAt: number;
  readonly active: ActivePolicy;
}

/** What all exchanges of a listener share. */
export interface ExchangeDeps {
  readonly clock: Clock;
  readonly recorder: Recorder;
  /** For bodies that are read before the decision. */
  readonly bodyBudget: BodyBudget;
  /** How long a body may take that is read here, ms. */
  readonly bodyMs: number;
  /** True once the instance is shutting down: connections are closed after their answer. */
  draining(): boolean;
}

/**
 * One request on the line: what is known of it so far, filled in stage by stage and read by the
 * recorder at the end. The doors (plain HTTP, upgrades) extend it with how to answer and forward.
 */
export abstract class Exchange {
  readonly head: InboundHead;
  readonly connection: ClientConnection;
  readonly requestId: string;
  /** Monotonic ms. */
  readonly startedAt: number;
  readonly active: ActivePolicy;
  route: RouteRuntime | null = null;
  /** Portcullis serves its path itself: no rule and no credential is asked. */
  isOwn = false;
  principal: Principal = ANONYMOUS;
  /** Whose credential was refused, where that is known. For the record only: nothing is decided by it. */
  presented: AuthenticatedPrincipal | null = null;
  decision: Decision | null = null;
  outcome: Outcome = "client_closed";
  detail: string | null = null;
  status = 0;
  bytesIn = 0;
  bytesOut = 0;
  /** Monotonic ms at which the request went to the upstream, and its response head was there; 0 is never. */
  dispatchedAt = 0;
  answeredAt = 0;
  isStream = false;
  /** Set on MCP routes once the message is read. */
  mcp: McpUse | null = null;
  recorded = false;
  /** Where it stands among what is open by its credential; owned by `OpenStreams`. */
  holder: OpenCredential | null = null;
  place = 0;

  constructor(start: ExchangeStart) {
    this.head = start.head;
    this.connection = start.connection;
    this.requestId = start.requestId;
    this.startedAt = start.startedAt;
    this.active = start.active;
  }

  /** Every scope that the operation needs, with single spaces between; `""` where none, or not known yet. */
  get scopesNeeded(): string {
    return this.mcp?.scopesNeeded ?? this.route?.route.scopeText ?? "";
  }

  /** Answers a failure that is no decision: it becomes the outcome, and what is said of it is the same for all. */
  protected answerFailure(reason: Reason, detail: string): void {
    this.outcome = reason;
    this.detail = detail;
    const context = { scopeText: "", resourceMetadata: null, allowedMethods: [], rpc: null };
    this.answer(refusal(reason, { requestId: this.requestId, ...context }));
  }

  /** Reads the body whole, `limit` bytes at most. Never rejects. */
  abstract readBody(limit: number): Promise<CollectedBody>;
  /** Sends an answer of our own. Where one was begun already, it is cut (plain HTTP) or left alone (raw sockets). */
  abstract answer(answer: Answer): void;
  /** Sends the request to the upstream of `route` and its response to the client. */
  abstract forward(route: RouteRuntime): void;
  /** Hands it to what Portcullis serves itself. False, and nothing is done, where this door cannot. */
  abstract serveOwn(own: OwnEndpoints): boolean;
  /** Ends it at once, both sides. Used when draining takes too long, and when its credential is worth nothing any more. */
  abstract cut(outcome: Outcome): void;
  /**
   * Takes the request back from the upstream where no answer was begun, so that one of our own can be given. `answering`
   * leaves all as it is: only `cut` ends that. `over` is what is answered whole, or by us.
   */
  abstract takeBack(): "taken" | "answering" | "over";
  /** It never began, and never will: its connection ended with a request before it. */
  abstract abandoned(): void;
  /** The parser found the rest of the request malformed. */
  abstract malformed(reason: Reason, detail: string): void;
  /** True once an answer was begun or the client is gone: nothing is decided or forwarded any more. */
  abstract readonly over: boolean;
  /** True while its body is still coming: what the parser stumbles over is part of it. */
  abstract awaitsBody(): boolean;
  /** True where the next move is the client's: more of its body, or reading what waits for it. */
  abstract awaitsClient(): boolean;
}
