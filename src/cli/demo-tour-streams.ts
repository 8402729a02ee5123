import { once } from "node:events";
import { WebSocket } from "ws";
import type { DemoStage } from "./demo-stage.ts";
import type { Send, TourResult } from "./demo-tour.ts";

const TICKETS = "/api/portals/acme/tickets";
const PATIENCE_MS = 10_000;

/** A key is used, revoked by another connection to the store, and used again at once. */
export async function liveRevocationStop(stage: DemoStage, send: Send): Promise<TourResult> {
  const { id, key } = await stage.issue("short-lived", ["tickets:read"]);
  const stop = { title: "", method: "GET", target: TICKETS, expected: "", key: ["short-lived", key] as const };
  const before = await send(stage.publicUrl, stop);
  await stage.revoke(id);
  const after = await send(stage.publicUrl, stop);
  return {
    title: "A key revoked while in use",
    request: `GET ${TICKETS}  (key short-lived, revoked in between)`,
    expected: "200, then 401 credential_invalid",
    seen: `${before}, then ${after}`,
  };
}

/** An event stream is open while a ticket is made; the event must come through at once. */
export async function eventStreamStop(stage: DemoStage, send: Send): Promise<TourResult> {
  const target = "/api/portals/acme/events";
  const response = await fetch(`${stage.publicUrl}${target}`, {
    headers: { authorization: `Bearer ${stage.keys.reader.key}` },
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  let text = "";
  let sent = false;
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString("utf8");
    if (text.includes("event: ticket.created")) break;
    if (sent || !text.includes("event: hello")) continue;
    sent = true;
    await send(stage.publicUrl, {
      title: "",
      method: "POST",
      target: TICKETS,
      expected: "",
      key: ["writer", stage.keys.writer.key],
      body: { subject: "Tour: seen on the stream" },
    });
  }
  return {
    title: "An event stream",
    request: `GET ${target}  (key reader)`,
    expected: "200, hello, ticket.created",
    seen: `${response.status}${text.includes("event: hello") ? ", hello" : ""}${text.includes("event: ticket.created") ? ", ticket.created" : ""}`,
  };
}

/** A WebSocket through the sidecar: greeted, then echoed. */
export async function webSocketStop(stage: DemoStage): Promise<TourResult> {
  const target = "/api/portals/acme/live";
  const socket = new WebSocket(`${stage.publicUrl.replace("http", "ws")}${target}`, {
    headers: { authorization: `Bearer ${stage.keys.acme.key}` },
    handshakeTimeout: PATIENCE_MS,
  });
  const messages: string[] = [];
  const done = new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("message", (data: Buffer) => {
      const text = data.toString("utf8");
      messages.push(text.includes("hello") && messages.length === 0 ? "hello" : text);
      if (messages.length === 1) socket.send("ping");
      else resolve();
    });
  });
  await done;
  socket.close();
  await once(socket, "close");
  return {
    title: "A WebSocket",
    request: `GET ${target}  Upgrade: websocket  (key acme)`,
    expected: "hello, ping",
    seen: messages.join(", "),
  };
}
