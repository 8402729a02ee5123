import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls, type SecureContext } from "node:tls";
import type { Clock } from "../core/clock.ts";
import { UpstreamConnection, type ConnectionOwner, type LostExchange } from "./upstream-connection.ts";
import type { UpstreamExchange } from "./upstream-exchange.ts";

/** An upstream and its bounds. Times in ms. */
export interface UpstreamPoolOptions {
  readonly host: string;
  readonly port: number;
  /** `null` is plain http. Certificates are always verified. */
  readonly tls: { readonly serverName: string; readonly context: SecureContext } | null;
  readonly connectTimeout: number;
  readonly responseTimeout: number;
  readonly idleTimeout: number;
  readonly maxConnections: number;
  /** Exchanges that may wait for a connection; more are refused at once. */
  readonly maxQueue: number;
  readonly clock: Clock;
}

/** Idle connections are closed before common servers (5 s) close them under our hands. */
const KEEP_ALIVE_MS = 4_000;
/** How often time-outs are looked at. */
export const SWEEP_MS = 250;
/** RFC 9110 §9.2.2, without TRACE, which is never forwarded. */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

interface Waiter {
  readonly exchange: UpstreamExchange;
  readonly deadline: number;
}

/**
 * Keep-alive connections to one upstream, last used first. Exchanges beyond `maxConnections` wait in
 * order. An exchange is tried again, once, only where it went out over a connection that had been
 * idle, got no byte back, has no body, and its method is idempotent.
 */
export class UpstreamPool implements ConnectionOwner {
  readonly #options: UpstreamPoolOptions;
  readonly #idle: UpstreamConnection[] = [];
  readonly #all = new Set<UpstreamConnection>();
  readonly #waiting: Waiter[] = [];
  readonly #retried = new WeakSet<UpstreamExchange>();
  /** Runs while there is a connection to look after; a closed pool may still be given exchanges. */
  #timer: NodeJS.Timeout | null = null;
  #closing = false;

  constructor(options: UpstreamPoolOptions) {
    this.#options = options;
  }

  get connectTimeout(): number {
    return this.#options.connectTimeout;
  }

  get responseTimeout(): number {
    return this.#options.responseTimeout;
  }

  get idleTimeout(): number {
    return this.#options.idleTimeout;
  }

  now(): number {
    return this.#options.clock.monotonic();
  }

  /** Open connections, for tests and gauges. */
  get size(): number {
    return this.#all.size;
  }

  /** Sends the exchange over an idle connection, a new one, or when one is free. Never throws. */
  dispatch(exchange: UpstreamExchange): void {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) break;
      if (connection.usable) {
        connection.start(exchange);
        return;
      }
      connection.retire();
    }
    this.#dispatchFresh(exchange);
  }

  /** Takes back an exchange that still waits for a connection, or for one to be made. */
  cancel(exchange: UpstreamExchange): void {
    const index = this.#waiting.findIndex((waiter) => waiter.exchange === exchange);
    if (index >= 0) {
      this.#waiting.splice(index, 1);
      return;
    }
    for (const connection of this.#all) if (connection.awaits(exchange)) return connection.abort();
  }

  /** Ends idle connections now and busy ones when their exchange is over. Requests decided before may still come. */
  close(): void {
    this.#closing = true;
    for (const connection of this.#idle.splice(0)) connection.retire();
    this.#stopIfDone();
  }

  released(connection: UpstreamConnection): void {
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) {
      connection.start(waiter.exchange);
    } else if (this.#closing) {
      connection.retire();
    } else {
      connection.deadline = this.now() + KEEP_ALIVE_MS;
      this.#idle.push(connection);
    }
  }

  closed(connection: UpstreamConnection, lost: LostExchange | null): void {
    this.#all.delete(connection);
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
    if (lost !== null) {
      if (this.#mayRetry(connection, lost)) {
        this.#retried.add(lost.exchange);
        this.#dispatchFresh(lost.exchange);
      } else {
        lost.exchange.failed(lost.failure);
      }
    }
    const next = this.#all.size < this.#options.maxConnections ? this.#waiting.shift() : undefined;
    if (next !== undefined) this.#open(next.exchange);
    this.#stopIfDone();
  }

  #mayRetry(connection: UpstreamConnection, { exchange, failure }: LostExchange): boolean {
    return (
      connection.reused &&
      failure.code === "upstream_unreachable" &&
      exchange.bodyKind === "none" &&
      IDEMPOTENT.has(exchange.method) &&
      !this.#retried.has(exchange)
    );
  }

  #dispatchFresh(exchange: UpstreamExchange): void {
    if (this.#all.size < this.#options.maxConnections) {
      this.#open(exchange);
    } else if (this.#waiting.length < this.#options.maxQueue) {
      this.#waiting.push({ exchange, deadline: this.now() + this.#options.connectTimeout });
    } else {
      exchange.failed({ code: "upstream_overloaded", detail: "all connections are busy and the queue is full" });
    }
  }

  #open(exchange: UpstreamExchange): void {
    const connection = new UpstreamConnection(
      this.#connect(),
      this.#options.tls === null ? "connect" : "secureConnect",
      this,
    );
    this.#all.add(connection);
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
    connection.start(exchange);
  }

  #stopIfDone(): void {
    if (!this.#closing || this.#all.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #connect(): Socket {
    const { host, port, tls } = this.#options;
    if (tls === null) return connectPlain({ host, port });
    return connectTls({
      host,
      port,
      servername: tls.serverName,
      secureContext: tls.context,
      rejectUnauthorized: true,
      ALPNProtocols: ["http/1.1"],
    });
  }

  #sweep(): void {
    const now = this.now();
    for (const connection of this.#all) {
      if (connection.deadline > now) continue;
      if (this.#idle.includes(connection)) connection.retire();
      else connection.timedOut();
    }
    while (this.#waiting[0] !== undefined && this.#waiting[0].deadline <= now) {
      this.#waiting
        .shift()
        ?.exchange.failed({ code: "upstream_overloaded", detail: "no connection became free in time" });
    }
  }
}
