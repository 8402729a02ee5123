import { onTestFinished } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import type { ResponseHead } from "../../src/http1/response-head.ts";
import type { UpstreamConnection } from "../../src/http1/upstream-connection.ts";
import type { RequestBodyKind, UpstreamExchange, UpstreamFailure } from "../../src/http1/upstream-exchange.ts";
import { UpstreamPool, type UpstreamPoolOptions } from "../../src/http1/upstream-pool.ts";

interface TestRequest {
  readonly method?: string;
  readonly target?: string;
  readonly bodyKind?: RequestBodyKind;
  readonly length?: number;
  /** False makes the connection wait after each part of the body. */
  readonly takesMore?: boolean;
}

/** How an exchange ended. */
export type Ended =
  | { readonly failure: UpstreamFailure }
  | { readonly failure: null; readonly trailers: readonly string[] };

/** A request that notes all that it is told. */
export class TestExchange implements UpstreamExchange {
  readonly method: string;
  readonly bodyKind: RequestBodyKind;
  readonly upstreamHead: string;
  readonly takesMore: boolean;
  readonly interim: ResponseHead[] = [];
  /** Connections that carried the request, one after the other. */
  readonly connections: UpstreamConnection[] = [];
  head: ResponseHead | null = null;
  chunks: Buffer[] = [];
  /** Calls after the end, of which there must be none. */
  late = 0;
  drains = 0;
  readonly ended: Promise<Ended>;
  readonly answered: Promise<ResponseHead>;
  readonly sent: Promise<UpstreamConnection>;
  #settled = false;
  readonly #end = Promise.withResolvers<Ended>();
  readonly #answer = Promise.withResolvers<ResponseHead>();
  readonly #connected = Promise.withResolvers<UpstreamConnection>();
  #onBody: (() => void)[] = [];

  constructor({ method = "GET", target = "/", bodyKind = "none", length = 0, takesMore = true }: TestRequest = {}) {
    this.method = method;
    this.bodyKind = bodyKind;
    this.takesMore = takesMore;
    const framing =
      bodyKind === "length"
        ? `Content-Length: ${length}\r\n`
        : bodyKind === "chunked"
          ? "Transfer-Encoding: chunked\r\n"
          : "";
    this.upstreamHead = `${method} ${target} HTTP/1.1\r\nHost: test\r\n${framing}\r\n`;
    this.ended = this.#end.promise;
    this.answered = this.#answer.promise;
    this.sent = this.#connected.promise;
  }

  get body(): string {
    return Buffer.concat(this.chunks).toString("latin1");
  }

  /** Resolves once the body so far is `length` bytes. */
  async received(length: number): Promise<void> {
    while (this.chunks.reduce((sum, chunk) => sum + chunk.length, 0) < length) {
      await new Promise<void>((resolve) => this.#onBody.push(resolve));
    }
  }

  connected(connection: UpstreamConnection): void {
    this.#note();
    this.connections.push(connection);
    this.#connected.resolve(connection);
  }

  drained(): void {
    this.drains++;
  }

  informational(head: ResponseHead): void {
    this.#note();
    this.interim.push(head);
  }

  responseHead(head: ResponseHead): void {
    this.#note();
    if (this.head !== null) throw new Error("two heads");
    this.head = head;
    this.#answer.resolve(head);
  }

  responseBody(chunk: Buffer): boolean {
    this.#note();
    this.chunks.push(Buffer.from(chunk));
    for (const resolve of this.#onBody.splice(0)) resolve();
    return this.takesMore;
  }

  responseFlush(): void {}

  responseEnd(trailers: readonly string[]): void {
    this.#note();
    this.#settled = true;
    this.#end.resolve({ failure: null, trailers });
  }

  failed(failure: UpstreamFailure): void {
    this.#note();
    this.#settled = true;
    this.#end.resolve({ failure });
  }

  #note(): void {
    if (this.#settled) this.late++;
  }
}

/** A pool that is closed after the test. */
export function testPool(port: number, over: Partial<UpstreamPoolOptions> = {}): UpstreamPool {
  const pool = new UpstreamPool({
    host: "127.0.0.1",
    port,
    tls: null,
    connectTimeout: 5_000,
    responseTimeout: 5_000,
    idleTimeout: 5_000,
    maxConnections: 4,
    maxQueue: 4,
    clock: systemClock,
    ...over,
  });
  onTestFinished(() => pool.close());
  return pool;
}

/** Dispatches and waits for the end. */
export async function run(pool: UpstreamPool, request: TestRequest = {}): Promise<TestExchange & { end: Ended }> {
  const exchange = new TestExchange(request);
  pool.dispatch(exchange);
  const end = await exchange.ended;
  return Object.assign(exchange, { end });
}

/** The code that an exchange failed with; `null` where it was answered. */
export function codeOf(end: Ended): string | null {
  return end.failure === null ? null : end.failure.code;
}
