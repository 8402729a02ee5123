import type { ServerResponse } from "node:http";
import type { Desk } from "./desk.ts";
import { param, type Exchange } from "./exchange.ts";
import type { TicketEvent } from "./portal-state.ts";
import type { Route } from "./router.ts";

/** Events of a portal that a client can ask for again. */
const REPLAY = 256;
/** A client with more unread bytes than this is let go. */
const MAX_UNREAD = 1_048_576;

interface Channel {
  readonly streams: Set<ServerResponse>;
  /** The last events, oldest first, as sent. The id of the newest is `lastId`, those before count down by one. */
  readonly recent: string[];
  lastId: number;
}

export interface EventFeed {
  readonly route: Route;
  /** Streams open now. */
  readonly open: number;
  /** Ends all streams. */
  close(): void;
}

/**
 * Server-sent events: each change of a ticket, to all who follow its portal. A stream starts with a
 * `hello` event; a client that comes back with `Last-Event-ID` gets what it missed, or `missed: true` in
 * the hello where that is no longer known. A comment goes out each `heartbeatMs`.
 */
export function createEventFeed(desk: Desk, heartbeatMs: number): EventFeed {
  const channels = new Map<string, Channel>();
  const channelOf = (portalId: string): Channel => {
    const known = channels.get(portalId);
    if (known !== undefined) return known;
    const made: Channel = { streams: new Set(), recent: [], lastId: 0 };
    channels.set(portalId, made);
    return made;
  };
  const unfollow = desk.follow((event) => publish(channelOf(event.portal_id), event));
  const heartbeat = setInterval(() => {
    for (const channel of channels.values()) sendAll(channel, ": heartbeat\n\n");
  }, heartbeatMs);
  heartbeat.unref();
  const open = (exchange: Exchange): void => {
    const portalId = desk.portal(param(exchange, "portal")).portal.id;
    openStream(channelOf(portalId), portalId, exchange);
  };
  return {
    route: { path: "/api/portals/:portal/events", handlers: { GET: open } },
    get open() {
      return [...channels.values()].reduce((sum, channel) => sum + channel.streams.size, 0);
    },
    close() {
      unfollow();
      clearInterval(heartbeat);
      for (const { streams } of channels.values()) for (const stream of streams) stream.end();
    },
  };
}

function publish(channel: Channel, event: TicketEvent): void {
  channel.lastId += 1;
  const frame = frameOf(channel.lastId, event.type, event);
  channel.recent.push(frame);
  if (channel.recent.length > REPLAY) channel.recent.shift();
  sendAll(channel, frame);
}

function sendAll(channel: Channel, frame: string): void {
  for (const stream of channel.streams) {
    stream.write(frame);
    if (stream.writableLength > MAX_UNREAD) stream.destroy();
  }
}

function openStream(channel: Channel, portalId: string, { req, res }: Exchange): void {
  res.writeHead(200, {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
  });
  if (req.method === "HEAD") {
    res.end();
    return;
  }
  const asked = req.headersDistinct["last-event-id"]?.[0];
  const cursor = asked === undefined ? channel.lastId : cursorOf(asked, channel);
  const start = cursor ?? channel.lastId;
  // The hello carries the client's own cursor, so that a break during the replay loses nothing.
  res.write(frameOf(start, "hello", { portal_id: portalId, last_id: channel.lastId, missed: cursor === null }));
  const missed = channel.lastId - start;
  if (missed > 0) res.write(channel.recent.slice(-missed).join(""));
  channel.streams.add(res);
  res.once("close", () => channel.streams.delete(res));
}

/** The id that a client has seen last, or `null` where what came behind it is not known. */
function cursorOf(text: string, channel: Channel): number | null {
  const id = /^\d{1,15}$/u.test(text) ? Number(text) : Number.NaN;
  const oldest = channel.lastId - channel.recent.length;
  return id >= oldest && id <= channel.lastId ? id : null;
}

function frameOf(id: number, event: string, data: unknown): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
