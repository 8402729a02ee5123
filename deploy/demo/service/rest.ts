import { filesOf } from "./rest-files.ts";
import type { Attachments } from "./attachments.ts";
import type { Desk } from "./desk.ts";
import { checked, param, portalHeader, readJson, sendJson, type Exchange } from "./exchange.ts";
import {
  newComment,
  newRun,
  newTicket,
  newUser,
  pageQuery,
  portalChange,
  ticketChange,
  wholePortal,
} from "./inputs.ts";
import type { PortalState } from "./portal-state.ts";
import type { Route } from "./router.ts";

const PORTAL = "/api/portals/:portal";

/** The REST interface, but for the event stream and the WebSocket. */
export function restRoutes(desk: Desk, attachments: Attachments): readonly Route[] {
  const portalOf = (exchange: Exchange): PortalState => desk.portal(param(exchange, "portal"));
  return [
    { path: "/status", handlers: { GET: ({ res }) => sendJson(res, 200, { status: "ok" }) } },
    ...portalRoutes(desk, portalOf),
    ...ticketRoutes(portalOf, attachments),
    ...filesOf(portalOf, attachments),
    ...workflowRoutes(portalOf),
    ...userRoutes(portalOf),
    { path: `${PORTAL}/echo`, handlers: { GET: (exchange) => echo(portalOf(exchange), exchange) } },
  ];
}

type PortalOf = (exchange: Exchange) => PortalState;

function portalRoutes(desk: Desk, portalOf: PortalOf): readonly Route[] {
  return [
    {
      path: "/api/portals",
      handlers: { GET: ({ req, res }) => sendJson(res, 200, { portals: desk.portals(portalHeader(req.headers)) }) },
    },
    {
      path: PORTAL,
      handlers: {
        GET: (exchange) => sendJson(exchange.res, 200, portalOf(exchange).portal),
        PUT: async (exchange) => {
          const portal = portalOf(exchange);
          sendJson(exchange.res, 200, portal.updatePortal(await readJson(exchange.req, wholePortal)));
        },
        PATCH: async (exchange) => {
          const portal = portalOf(exchange);
          sendJson(exchange.res, 200, portal.updatePortal(await readJson(exchange.req, portalChange)));
        },
      },
    },
    {
      path: "/api/search",
      handlers: {
        GET: ({ req, res, query }) => {
          const portalId = query.get("portal_id") ?? undefined;
          const results = desk.search(query.get("q") ?? "", portalId, portalHeader(req.headers));
          sendJson(res, 200, { results, total: results.length });
        },
      },
    },
  ];
}

function ticketRoutes(portalOf: PortalOf, attachments: Attachments): readonly Route[] {
  return [
    {
      path: `${PORTAL}/tickets`,
      handlers: {
        GET: (exchange) => {
          const page = checked(pageQuery, Object.fromEntries(exchange.query), "query");
          sendJson(exchange.res, 200, portalOf(exchange).listTickets(page));
        },
        POST: async (exchange) => {
          const portal = portalOf(exchange);
          const ticket = portal.createTicket(await readJson(exchange.req, newTicket));
          const location = `/api/portals/${portal.portal.id}/tickets/${ticket.id}`;
          sendJson(exchange.res, 201, ticket, { Location: location });
        },
      },
    },
    {
      path: `${PORTAL}/tickets/:id`,
      handlers: {
        GET: (exchange) => {
          const ticket = portalOf(exchange).ticket(param(exchange, "id"));
          const names = new Set(["log.txt", ...attachments.names(ticket.portal_id, ticket.id)]);
          sendJson(exchange.res, 200, { ...ticket, attachments: [...names] });
        },
        PATCH: async (exchange) => {
          const change = await readJson(exchange.req, ticketChange);
          sendJson(exchange.res, 200, portalOf(exchange).updateTicket(param(exchange, "id"), change));
        },
        DELETE: (exchange) => {
          const portal = portalOf(exchange);
          portal.deleteTicket(param(exchange, "id"));
          attachments.drop(portal.portal.id, param(exchange, "id"));
          exchange.res.writeHead(204).end();
        },
      },
    },
    {
      path: `${PORTAL}/tickets/:id/comments`,
      handlers: {
        GET: (exchange) =>
          sendJson(exchange.res, 200, { comments: portalOf(exchange).comments(param(exchange, "id")) }),
        POST: async (exchange) => {
          const comment = await readJson(exchange.req, newComment);
          sendJson(exchange.res, 201, portalOf(exchange).addComment(param(exchange, "id"), comment));
        },
      },
    },
  ];
}

function workflowRoutes(portalOf: PortalOf): readonly Route[] {
  return [
    {
      path: `${PORTAL}/workflows`,
      handlers: { GET: (exchange) => sendJson(exchange.res, 200, { workflows: portalOf(exchange).workflows() }) },
    },
    {
      path: `${PORTAL}/workflows/:id/runs`,
      handlers: {
        POST: async (exchange) => {
          const portal = portalOf(exchange);
          const id = param(exchange, "id");
          const run = portal.runWorkflow(id, await readJson(exchange.req, newRun, true));
          const location = `/api/portals/${portal.portal.id}/workflows/${id}/runs/${run.id}`;
          sendJson(exchange.res, 202, run, { Location: location });
        },
      },
    },
    {
      path: `${PORTAL}/workflows/:id/runs/:run`,
      handlers: {
        GET: (exchange) =>
          sendJson(exchange.res, 200, portalOf(exchange).run(param(exchange, "id"), param(exchange, "run"))),
      },
    },
  ];
}

function userRoutes(portalOf: PortalOf): readonly Route[] {
  return [
    {
      path: `${PORTAL}/users`,
      handlers: {
        GET: (exchange) => sendJson(exchange.res, 200, { users: portalOf(exchange).users() }),
        POST: async (exchange) => {
          const portal = portalOf(exchange);
          sendJson(exchange.res, 201, portal.inviteUser(await readJson(exchange.req, newUser)));
        },
      },
    },
  ];
}

/** What arrived here, byte for byte as far as Node tells: for looking at what a proxy in front adds and removes. */
function echo(portal: PortalState, { req, res }: Exchange): void {
  sendJson(res, 200, {
    portal_id: portal.portal.id,
    method: req.method,
    path: req.url,
    headers: req.headers,
    raw_headers: req.rawHeaders,
  });
}
