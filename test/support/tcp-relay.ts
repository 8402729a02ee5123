import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterAll } from "vitest";

/** A relay between a program and a server, in the hands of a test. */
export interface TcpRelay {
  readonly port: number;
  /** Ends all connections at once, and refuses new ones. */
  cut(): void;
  /** Half-open: connections stay and are taken, and nothing goes through any more. What is held back goes on at `heal`. */
  freeze(): void;
  /** Each piece, in both directions, comes this much later. */
  delay(ms: number): void;
  /** As at first. */
  heal(): void;
  close(): Promise<void>;
}

type State =
  | { readonly kind: "open"; readonly delayMs: number }
  | { readonly kind: "cut" }
  | { readonly kind: "frozen" };

const OPEN: State = { kind: "open", delayMs: 0 };

/** Listens on a free port of 127.0.0.1 and passes all on to `target`. */
export async function startRelay(target: number): Promise<TcpRelay> {
  let state: State = OPEN;
  const pairs = new Map<Socket, Socket>();
  const sockets = (): Socket[] => [...pairs.keys(), ...pairs.values()];

  /** In order, however the delay changes: a piece never overtakes the one before it. */
  function pass(from: Socket, to: Socket): void {
    let last = Promise.resolve();
    from.on("data", (chunk: Buffer) => {
      const delayMs = state.kind === "open" ? state.delayMs : 0;
      if (delayMs === 0) {
        last = last.then(() => void to.write(chunk));
        return;
      }
      const due = new Promise<void>((resolve) => setTimeout(resolve, delayMs));
      last = last.then(() => due).then(() => void to.write(chunk));
    });
    from.on("error", () => from.destroy());
    from.on("close", () => to.destroy());
  }

  const server = createServer({ noDelay: true }, (client) => {
    if (state.kind === "cut") return void client.resetAndDestroy();
    const upstream = connect({ port: target, host: "127.0.0.1", noDelay: true });
    pairs.set(client, upstream);
    client.on("close", () => pairs.delete(client));
    pass(client, upstream);
    pass(upstream, client);
    if (state.kind === "frozen") for (const socket of [client, upstream]) socket.pause();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not a TCP listener");

  const relay: TcpRelay = {
    port: address.port,
    cut() {
      state = { kind: "cut" };
      for (const socket of sockets()) socket.resetAndDestroy();
    },
    freeze() {
      state = { kind: "frozen" };
      for (const socket of sockets()) socket.pause();
    },
    delay(delayMs) {
      state = { kind: "open", delayMs };
    },
    heal() {
      state = OPEN;
      for (const socket of sockets()) socket.resume();
    },
    async close() {
      for (const socket of sockets()) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, "close");
    },
  };
  afterAll(() => relay.close());
  return relay;
}
