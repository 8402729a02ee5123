import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { afterAll } from "vitest";
import { type Message, Wire } from "./wire.ts";

/** What an upstream says to a request: bytes to send (text is Latin-1), or nothing where it did so itself. */
export type Respond = (request: Message, wire: Wire) => string | Buffer | void | Promise<string | Buffer | void>;

export interface RawUpstreamOptions {
  /** Called for each whole request, one after the other on a connection. Answers `OK` where not given. */
  readonly respond?: Respond;
  /** Takes over each connection from its first byte, in place of `respond`; nothing is recorded as a request. */
  readonly connection?: (wire: Wire) => void | Promise<void>;
  /** Serves TLS. */
  readonly tls?: TlsOptions;
  /** Sockets are made with `pauseOnConnect` and read nothing until resumed. */
  readonly paused?: boolean;
}

/** A service behind the sidecar that records every byte, and sends what the test says, valid or not. */
export interface RawUpstream {
  readonly url: string;
  readonly port: number;
  /** In the order of arrival, the closed ones too. */
  readonly connections: readonly Wire[];
  /** Whole requests, over all connections, in the order of arrival. */
  readonly requests: readonly Message[];
  /** Connections that are open now. */
  readonly open: number;
  /** Bytes received, over all connections. */
  readonly bytes: number;
  /** The connection of that index, there already or still to come. */
  connection(index: number): Promise<Wire>;
  /** The whole request of that index, there already or still to come. */
  request(index: number): Promise<Message>;
  /** Closes all. Repeatable; the end of the test file does it too. Rejects where a script of the test threw. */
  close(): Promise<void>;
}

/** A complete response of status 200 with a length. */
export const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const running = new Set<RawUpstream>();

afterAll(async () => {
  await Promise.all([...running].map((upstream) => upstream.close()));
});

/** Starts a recording upstream on a free port of 127.0.0.1. */
export async function startRawUpstream(options: RawUpstreamOptions | Respond = {}): Promise<RawUpstream> {
  const {
    respond = () => OK,
    connection,
    tls,
    paused = false,
  } = typeof options === "function" ? ({ respond: options } satisfies RawUpstreamOptions) : options;
  const connections: Wire[] = [];
  const requests: Message[] = [];
  const failures: unknown[] = [];
  let waiting: (() => void)[] = [];
  let closed = false;
  const wake = (): void => {
    for (const resolve of waiting.splice(0)) resolve();
  };

  async function answerAll(wire: Wire): Promise<void> {
    for (;;) {
      const request = await wire.nextRequest().catch(() => null);
      if (request === null) return;
      requests.push(request);
      wake();
      const bytes = await respond(request, wire);
      if (bytes !== undefined) await wire.write(bytes);
    }
  }

  function accept(socket: Socket): void {
    socket.setNoDelay(true);
    const wire = new Wire(socket);
    if (paused) socket.pause();
    connections.push(wire);
    wake();
    Promise.resolve(connection === undefined ? answerAll(wire) : connection(wire)).catch((error: unknown) => {
      if (!closed) failures.push(error);
    });
  }

  async function wait<T>(list: readonly T[], index: number): Promise<T> {
    for (;;) {
      const found = list[index];
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  }

  const server: Server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the system gave no port");
  const upstream: RawUpstream = {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${address.port}`,
    port: address.port,
    connections,
    requests,
    get open() {
      return connections.filter(({ socket }) => !socket.destroyed).length;
    },
    get bytes() {
      return connections.reduce((sum, wire) => sum + wire.socket.bytesRead, 0);
    },
    connection: (index) => wait(connections, index),
    request: (index) => wait(requests, index),
    async close() {
      running.delete(upstream);
      if (closed) return;
      closed = true;
      waiting = [];
      for (const { socket } of connections) socket.destroy();
      server.close();
      await once(server, "close");
      if (failures.length > 0) throw new AggregateError(failures, `a script failed: ${String(failures[0])}`);
    },
  };
  running.add(upstream);
  return upstream;
}
