import cookie from "@fastify/cookie";
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { Administration } from "../../administration/administration.ts";
import type { OwnRequest } from "../../core/own-request.ts";
import { ERRORS } from "../../core/errors.ts";
import { parseStrictJson } from "../../core/json.ts";
import type { AuditLog } from "../../telemetry/audit.ts";
import { z } from "zod";
import type { ApiAuth } from "./auth.ts";
import { IDEMPOTENCY_KEY_PATTERN, type Idempotency } from "./idempotency.ts";
import { openApiDocument } from "./openapi.ts";
import { type Answer, type Caller, noBody, none, operation, type Operation, type Prepared } from "./operation.ts";
import { OPERATIONS } from "./operations.ts";
import { etagOf, versionOf } from "./precondition.ts";
import { ApiProblem, problemOf, sendApiProblem } from "./problem.ts";

export interface AdminApiOptions {
  /** Before `/api/v1`: "" on the admin listener, such as "/admin" on the public one. */
  readonly prefix: string;
  readonly administration: Administration;
  readonly auth: ApiAuth;
  readonly idempotency: Idempotency;
  /** What the listener knows of a request. */
  readonly about: (request: FastifyRequest) => OwnRequest;
  readonly log: { error(fields: object, message: string): void };
  /** Attempts that are refused are events; what is done, `administration` writes down. */
  readonly audit: Pick<AuditLog, "event">;
  /** Of this package. */
  readonly version: string;
}

const MAX_BODY_BYTES = 64 * 1024;

/** The administration API under `PREFIX/api/v1`. Nothing in it is answered without authorization, not even a 404. */
export function adminApi(options: AdminApiOptions): FastifyPluginAsync {
  const basePath = `${options.prefix}/api/v1`;
  const document = { json: {} };
  const operations = [...OPERATIONS, describing(document)];
  document.json = openApiDocument(operations, { version: options.version, basePath });
  return async (app) => {
    await app.register(async (scope) => registerApi(scope, operations, options), { prefix: basePath });
  };
}

function describing(document: { readonly json: Record<string, unknown> }): Operation {
  return operation({
    id: "getOpenApi",
    method: "GET",
    path: "/openapi.json",
    tag: "status",
    summary: "This document.",
    params: none,
    query: none,
    body: noBody,
    answer: { name: "OpenApi", schema: z.looseObject({}) },
    handle: async () => ({ body: document.json }),
  });
}

async function registerApi(
  scope: FastifyInstance,
  operations: readonly Operation[],
  options: AdminApiOptions,
): Promise<void> {
  const callers = new WeakMap<FastifyRequest, Caller>();
  if (!scope.hasRequestDecorator("cookies")) await scope.register(cookie);
  scope.addContentTypeParser(
    "application/json",
    { parseAs: "buffer", bodyLimit: MAX_BODY_BYTES },
    async (_request: FastifyRequest, body: Buffer) => readJson(body),
  );
  scope.addHook("onRequest", async (request) => {
    const about = options.about(request);
    try {
      callers.set(request, await options.auth(request, about));
    } catch (error) {
      refused(options.audit, request, about, problemOf(error));
      throw error;
    }
  });
  scope.setErrorHandler((error, request, reply) => {
    const problem = forMethod(request.method, problemOf(error));
    if (problem.code === "internal_error") {
      options.log.error({ err: error, request_id: request.id }, "an operation of the API failed");
    }
    return sendApiProblem(reply, problem);
  });
  scope.setNotFoundHandler((_request, reply) => sendApiProblem(reply, new ApiProblem("no_route")));
  for (const each of operations) {
    scope.route({
      method: each.method,
      url: each.path.replaceAll(/\{(\w+)\}/g, ":$1"),
      handler: async (request, reply) => {
        const caller = callers.get(request);
        if (caller === undefined) throw new ApiProblem("credential_missing");
        return serve(each, request, reply, { ...options, caller });
      },
    });
  }
}

/** The path is that of the operation: what a stranger writes into it stays out. */
function refused(
  audit: AdminApiOptions["audit"],
  { method, routeOptions }: FastifyRequest,
  { clientIp, requestId }: OwnRequest,
  { code, subject }: ApiProblem,
): void {
  audit.event({
    event: "admin",
    action: "api.refuse",
    subject,
    decision: "deny",
    reason: code,
    detail: `${method} ${routeOptions.url ?? "no operation"}`,
    status: ERRORS[code].status,
    clientIp,
    requestId,
  });
}

/** What is asked for without a body is wrong in its parameters, such as a cursor of another list. */
function forMethod(method: string, problem: ApiProblem): ApiProblem {
  const isRead = method === "GET" || method === "HEAD";
  return isRead && problem.code === "invalid_request" ? new ApiProblem("bad_request", problem) : problem;
}

/** No body at all is none; empty text is no JSON. */
function readJson(body: Buffer): unknown {
  const parsed = parseStrictJson(body);
  if (parsed.ok) return parsed.value;
  throw new ApiProblem("bad_request", { detail: `The body is no JSON: ${parsed.detail}, at byte ${parsed.offset}.` });
}

type ServeOptions = AdminApiOptions & { readonly caller: Caller };

async function serve(each: Operation, request: FastifyRequest, reply: FastifyReply, options: ServeOptions) {
  const { body, params, query } = request;
  const prepared = each.prepare({ params, query, body });
  const answer = await answerOnce(each, prepared, request, reply, options);
  reply.code(each.status).type("application/json; charset=utf-8");
  if (answer.version !== undefined) reply.header("etag", etagOf(answer.version));
  return reply.send(JSON.stringify(answer.body));
}

async function answerOnce(
  each: Operation,
  prepared: Prepared,
  request: FastifyRequest,
  reply: FastifyReply,
  { administration, caller, idempotency, log }: ServeOptions,
): Promise<Pick<Answer<unknown>, "body"> & { readonly version?: number | undefined }> {
  const version = each.versioned ? versionOf(oneField(request, "if-match")) : undefined;
  const run = () => prepared.run({ administration, caller, actor: caller.actor, version });
  const key = each.creates === null ? undefined : oneField(request, "idempotency-key");
  if (key === undefined || each.creates === null) return run();
  if (!IDEMPOTENCY_KEY_PATTERN.test(key)) {
    throw new ApiProblem("bad_request", {
      fields: [{ field: "Idempotency-Key", text: "1 to 128 visible characters" }],
    });
  }
  const begun = await idempotency.begin({ caller: caller.id, key, operation: each.id, input: prepared.input });
  if (begun.kind === "replay") {
    reply.header("idempotency-replayed", "true");
    return begun.answer;
  }
  let answer: Answer<unknown>;
  try {
    answer = await run();
  } catch (error) {
    // Only where it is certain that nothing was done may it be tried again.
    if (problemOf(error).code !== "internal_error" && problemOf(error).code !== "store_unavailable") {
      await begun.failed();
    }
    throw error;
  }
  // It is done, and its secret is nowhere else: it is told, though a repetition may be answered with 409 then.
  await begun
    .done({ ...answer, body: withoutSecret(answer.body, each.creates.secret) })
    .catch((error: unknown) => log.error({ err: error, request_id: request.id }, "an answer could not be kept"));
  return answer;
}

function withoutSecret(body: unknown, secret: string | null): unknown {
  return secret === null || typeof body !== "object" || body === null ? body : { ...body, [secret]: null };
}

/** The value of a field. Throws `ApiProblem` where it came more than once. */
function oneField(request: FastifyRequest, name: string): string | undefined {
  const values = request.raw.headersDistinct[name] ?? [];
  if (values.length > 1) throw new ApiProblem("bad_request", { fields: [{ field: name, text: "send it once" }] });
  return values[0];
}
