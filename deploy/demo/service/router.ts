import type { IncomingMessage, ServerResponse } from "node:http";
import { sendError, type Exchange } from "./exchange.ts";
import { Failure } from "./failure.ts";

export type Handler = (exchange: Exchange) => void | Promise<void>;
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** One path of the service, such as `/api/portals/:portal`, and what answers there. */
export interface Route {
  readonly path: string;
  readonly handlers: Readonly<Partial<Record<Method, Handler>>>;
}

interface CompiledRoute {
  readonly segments: readonly string[];
  readonly handlers: ReadonlyMap<string, Handler>;
  readonly allow: string;
}

/** The parts of a request target. A query that is not there is an empty one. */
export interface Target {
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Splits a target at its first `?`. */
export function splitTarget(target: string): Target {
  const at = target.indexOf("?");
  if (at === -1) return { path: target, query: new URLSearchParams() };
  return { path: target.slice(0, at), query: new URLSearchParams(target.slice(at + 1)) };
}

/** The decoded parameters of a path that fits the pattern, else `null`. Throws a `Failure` with 400 on a bad `%`. */
export function matchPath(pattern: readonly string[], path: readonly string[]): ReadonlyMap<string, string> | null {
  if (pattern.length !== path.length) return null;
  const params = new Map<string, string>();
  for (const [index, expected] of pattern.entries()) {
    const segment = path[index] ?? "";
    if (!expected.startsWith(":")) {
      if (segment !== expected) return null;
    } else {
      if (segment === "") return null;
      params.set(expected.slice(1), decode(segment));
    }
  }
  return params;
}

/**
 * Makes the function that answers a request from the route table: GET handlers answer HEAD too, an
 * unknown path is a 404, another method a 405 with `Allow`. It rejects where a handler fails.
 */
export function createRouter(
  routes: readonly Route[],
): (req: IncomingMessage, res: ServerResponse, target: Target) => Promise<void> {
  const compiled = routes.map(compile);
  return async (req, res, { path, query }) => {
    const segments = path.split("/");
    for (const route of compiled) {
      const params = matchPath(route.segments, segments);
      if (params === null) continue;
      const handler = route.handlers.get(req.method ?? "");
      if (handler === undefined) sendError(res, 405, "method not allowed", { Allow: route.allow });
      else await handler({ req, res, params, query });
      return;
    }
    sendError(res, 404, "not found");
  };
}

function compile({ path, handlers }: Route): CompiledRoute {
  const byMethod = new Map<string, Handler>(Object.entries(handlers));
  const get = byMethod.get("GET");
  if (get !== undefined) byMethod.set("HEAD", get);
  return { segments: path.split("/"), handlers: byMethod, allow: [...byMethod.keys()].join(", ") };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new Failure(400, "the path is not properly percent-encoded");
  }
}
