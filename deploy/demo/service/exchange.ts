import type { IncomingMessage, ServerResponse } from "node:http";
import type { z } from "zod";
import { Failure } from "./failure.ts";

/** One request and its answer, with what the router read from the target. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** The decoded parameters of the path, by name. */
  readonly params: ReadonlyMap<string, string>;
  readonly query: URLSearchParams;
}

/** The largest JSON body, in bytes. */
const MAX_JSON = 1_048_576;

/** Sends a JSON answer. Node leaves the body out for HEAD. */
export function sendJson(
  res: ServerResponse,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = JSON.stringify(value);
  res.writeHead(status, {
    "Content-Type": "application/json; charset=utf-8",
    "Content-Length": Buffer.byteLength(body),
    ...headers,
  });
  res.end(body);
}

/** Sends `{ error }`. */
export function sendError(
  res: ServerResponse,
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  sendJson(res, status, { error: message }, headers);
}

/** A parameter of the path. The router has matched it, so a missing one is a fault of the route table. */
export function param(exchange: Exchange, name: string): string {
  const value = exchange.params.get(name);
  if (value === undefined) throw new TypeError(`the route has no parameter ${name}`);
  return value;
}

/** The portal that a caller in front of the service limits the answer to. */
export function portalHeader(headers: Readonly<Record<string, string | string[] | undefined>>): string | undefined {
  const value = headers["x-portcullis-portal"];
  return Array.isArray(value) ? value[0] : value;
}

/**
 * Reads the body as JSON and checks it. An empty body reads as `{}` where `emptyIsObject` says so.
 * Throws a `Failure` with 400 for anything else than what the schema asks for, 413 above 1 MiB.
 */
export async function readJson<T>(req: IncomingMessage, schema: z.ZodType<T>, emptyIsObject = false): Promise<T> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of bodyOf(req)) {
    size += chunk.length;
    if (size > MAX_JSON) throw new Failure(413, `a JSON body may have ${MAX_JSON} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  return checked(schema, text === "" && emptyIsObject ? {} : parseJson(text), "body");
}

/** Checks a value from outside. Throws a `Failure` with 400 that names the fields that are wrong. */
export function checked<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${[where, ...issue.path].join(".")}: ${issue.message}`);
  throw new Failure(400, problems.join("; "));
}

/** The chunks of a body. Leaving the loop early keeps the connection, so that an answer can still be sent. */
export function bodyOf(req: IncomingMessage): AsyncIterable<Buffer> {
  return req.iterator({ destroyOnReturn: false });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Failure(400, "the body is not JSON");
  }
}
