import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { ResponseReader } from "./response-reader.ts";
import { isUnreadable } from "./expectation.ts";
import type { Plan } from "./plan.ts";
import { bodyOf, chunked, headText, type Secrets } from "./request-text.ts";

/** What the client saw of a request. */
export interface Observed {
  /** Status of the final answer; 0 where none came. */
  status: number;
  bodyBytes: number;
  /** The answer came to its end. */
  complete: boolean;
  requestId: string | null;
  marker: string | null;
  /** The client left on purpose. */
  left: boolean;
}

/** No request takes so long, whatever goes wrong with it. */
const GIVE_UP_MS = 20_000;

/** What a client needs of its surroundings. */
export interface ClientDeps {
  readonly port: number;
  readonly secrets: Secrets;
  /** Resolves once the upstream has the head of the request. */
  arrived(index: number): Promise<void>;
  forget(index: number): void;
  /** Told of an answer that breaks HTTP. */
  violation(text: string): void;
}

/** One client with one connection at a time, which it keeps from request to request where it can. */
export class Client {
  readonly #deps: ClientDeps;
  #socket: Socket | null = null;

  constructor(deps: ClientDeps) {
    this.#deps = deps;
  }

  /** Makes the request of a plan. Never rejects for what the other side does. */
  async perform(plan: Plan): Promise<Observed> {
    const socket = await this.#connection();
    // Nobody can tell the method of a head that stops within it.
    const reader = new ResponseReader(isUnreadable(plan) ? "GET" : plan.method);
    const ended = new Promise<void>((resolve) => {
      const onData = (bytes: Buffer): void => {
        try {
          reader.push(bytes);
        } catch (error) {
          this.#deps.violation(`m${plan.index}: ${String(error)}`);
          socket.destroy();
        }
        if (reader.done) settle();
      };
      const settle = (): void => {
        socket.off("data", onData);
        socket.off("close", onClose);
        resolve();
      };
      const onClose = (): void => {
        reader.closed();
        settle();
      };
      socket.on("data", onData);
      socket.on("close", onClose);
    });
    const timer = setTimeout(() => {
      this.#deps.violation(`m${plan.index}: no end after ${GIVE_UP_MS} ms ${JSON.stringify(plan)}`);
      socket.destroy();
    }, GIVE_UP_MS);
    await this.#send(socket, plan, reader, ended);
    await ended;
    clearTimeout(timer);
    this.#deps.forget(plan.index);
    if (!reader.reusable || !plan.keepAlive || plan.abort !== "none") this.#drop();
    const { status, bodyBytes, complete, requestId, marker } = reader;
    return { status, bodyBytes, complete, requestId, marker, left: plan.abort !== "none" };
  }

  close(): void {
    this.#drop();
  }

  async #connection(): Promise<Socket> {
    const kept = this.#socket;
    if (kept !== null && !kept.destroyed && kept.writable && !kept.readableEnded) return kept;
    const socket = connect({ port: this.#deps.port, host: "127.0.0.1", noDelay: true });
    socket.on("error", () => socket.destroy());
    socket.on("end", () => socket.destroy());
    await once(socket, "connect");
    this.#socket = socket;
    return socket;
  }

  #drop(): void {
    this.#socket?.destroy();
    this.#socket = null;
  }

  async #send(socket: Socket, plan: Plan, reader: ResponseReader, ended: Promise<void>): Promise<void> {
    const head = headText(plan, this.#deps.secrets);
    if (plan.abort === "partial" || plan.abort === "partial-reset") {
      socket.write(head.slice(0, 40), "latin1");
      if (plan.abort === "partial") {
        socket.end();
        return;
      }
      await pause(5);
      socket.resetAndDestroy();
      return;
    }
    socket.write(head, "latin1");
    if (plan.abort === "head") {
      socket.end();
      return;
    }
    if (plan.bodySize > 0 || plan.bodyFraming === "chunked") await this.#sendBody(socket, plan, reader, ended);
    if (plan.route === "live") await talk(socket, reader, ended);
    if (plan.abort === "waiting") {
      await Promise.race([this.#deps.arrived(plan.index), ended]);
      socket.destroy();
    } else if (plan.abort === "response") {
      await Promise.race([reader.started, ended]);
      socket.destroy();
    }
  }

  async #sendBody(socket: Socket, plan: Plan, reader: ResponseReader, ended: Promise<void>): Promise<void> {
    if (plan.expectContinue) await Promise.race([reader.mayContinue, reader.started, ended]);
    // A refusal in place of `100 Continue`: the body is not wanted.
    if (socket.destroyed || reader.status !== 0) return;
    const body = bodyOf(plan);
    const bytes = plan.bodyFraming === "chunked" ? chunked(body) : body;
    if (plan.abort !== "body") {
      socket.write(bytes);
      return;
    }
    socket.write(bytes.subarray(0, Math.floor(bytes.length / 2)));
    // Recorded for certain, since its head was read: either answered or seen by the upstream.
    if (plan.route !== "hook") await Promise.race([this.#deps.arrived(plan.index), reader.started, ended]);
    else await pause(20);
    socket.end();
  }
}

/** Sends something through a tunnel, waits for its echo, and ends it. */
async function talk(socket: Socket, reader: ResponseReader, ended: Promise<void>): Promise<void> {
  await Promise.race([reader.started, ended]);
  if (reader.status !== 101 || socket.destroyed) return;
  for (let turn = 0; turn < 3; turn++) {
    const echoed = reader.tunnelled(64);
    socket.write("w".repeat(64));
    await Promise.race([echoed, ended]);
  }
  reader.finishTunnel();
  socket.end();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
