import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { generatedBytes, type Attachments } from "./attachments.ts";
import { seededLog } from "./data.ts";
import { bodyOf, param, sendError, sendJson, type Exchange } from "./exchange.ts";
import { Failure, notFound } from "./failure.ts";
import type { PortalState } from "./portal-state.ts";
import type { Route } from "./router.ts";

/** The name under which any number of made-up bytes can be read. */
const GENERATED = "big.bin";
const GENERATED_DEFAULT = 1_048_576;
const GENERATED_MAX = 2 ** 40;
const SEEDED = "log.txt";

/** The files of a ticket: streamed in and out, as fast as the other side goes. */
export function filesOf(portalOf: (exchange: Exchange) => PortalState, attachments: Attachments): readonly Route[] {
  return [
    {
      path: "/api/portals/:portal/tickets/:id/attachments/:name",
      handlers: {
        GET: (exchange) => download(portalOf(exchange), attachments, exchange),
        PUT: (exchange) => upload(portalOf(exchange), attachments, exchange),
      },
    },
  ];
}

async function download(portal: PortalState, attachments: Attachments, exchange: Exchange): Promise<void> {
  const ticket = portal.ticket(param(exchange, "id"));
  const name = param(exchange, "name");
  if (name === GENERATED) {
    const size = generatedSize(exchange.query.get("bytes"));
    await send(exchange, "application/octet-stream", size, generatedBytes(size));
    return;
  }
  const file = attachments.get(ticket.portal_id, ticket.id, name);
  if (file !== undefined) {
    await send(exchange, file.type, file.size, file.chunks);
  } else if (name === SEEDED) {
    const log = Buffer.from(seededLog(ticket));
    await send(exchange, "text/plain; charset=utf-8", log.length, [log]);
  } else {
    throw notFound("attachment");
  }
}

async function upload(portal: PortalState, attachments: Attachments, exchange: Exchange): Promise<void> {
  const { req, res } = exchange;
  const ticket = portal.ticket(param(exchange, "id"));
  const name = param(exchange, "name");
  if (name === GENERATED) {
    sendError(res, 405, "these bytes are made up, not kept", { Allow: "GET, HEAD" });
    return;
  }
  const type = req.headers["content-type"] ?? "application/octet-stream";
  const { file, replaced } = await attachments.put([ticket.portal_id, ticket.id, name], type, bodyOf(req));
  try {
    portal.attached(ticket.id);
  } catch (error) {
    // The ticket was deleted during the upload.
    attachments.drop(ticket.portal_id, ticket.id);
    throw error;
  }
  sendJson(res, replaced ? 200 : 201, { name, type: file.type, size: file.size });
}

async function send({ req, res }: Exchange, type: string, size: number, bytes: Iterable<Uint8Array>): Promise<void> {
  res.writeHead(200, { "Content-Type": type, "Content-Length": size });
  if (req.method === "HEAD") res.end();
  else await pipeline(Readable.from(bytes, { objectMode: false }), res);
}

function generatedSize(text: string | null): number {
  if (text === null) return GENERATED_DEFAULT;
  const size = /^\d{1,13}$/u.test(text) ? Number(text) : Number.NaN;
  if (!(size <= GENERATED_MAX)) throw new Failure(400, `bytes must be a whole number up to ${GENERATED_MAX}`);
  return size;
}
