import { once } from "node:events";
import { connect } from "node:net";
import { onTestFinished } from "vitest";
import type { Sidecar } from "../support/sidecar.ts";
import { type Message, Wire } from "../support/wire.ts";

/** A connection of a client to the sidecar; closed after the test. */
export async function connectTo({ port }: Pick<Sidecar, "port">): Promise<Wire> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.setNoDelay(true);
  const wire = new Wire(socket);
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  return wire;
}

/** A request head with `Host`, its fields and its empty line. */
export function head(line: string, fields: readonly string[] = [], version = "HTTP/1.1"): string {
  return [`${line} ${version}`, "Host: desk.example.com", ...fields, "", ""].join("\r\n");
}

/** Sends bytes on a connection of their own and takes one response. */
export async function ask(sidecar: Sidecar, bytes: string, method = "GET"): Promise<Message> {
  const wire = await connectTo(sidecar);
  await wire.write(bytes);
  return wire.nextResponse(method);
}

/** The `code` of an answer of our own. */
export function codeOf(response: Message): unknown {
  const body: unknown = JSON.parse(response.body.toString());
  return typeof body === "object" && body !== null && "code" in body ? body.code : undefined;
}

export const TICKETS = "/api/portals/acme/tickets";
