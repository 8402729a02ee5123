import { z } from "zod";
import { type ErrorCode, ERRORS } from "../../core/errors.ts";
import { IDEMPOTENCY_KEY_PATTERN } from "./idempotency.ts";
import type { Named, Operation } from "./operation.ts";
import { IF_MATCH_PATTERN } from "./precondition.ts";
import { problemSchema } from "./problem.ts";

type Json = Record<string, unknown>;

const PROBLEM: Named<z.ZodType> = { name: "Problem", schema: problemSchema };
/** What every operation may refuse with. */
const ALWAYS: readonly ErrorCode[] = [
  "bad_request",
  "credential_missing",
  "forbidden",
  "too_many_requests",
  "internal_error",
  "store_unavailable",
];

/** The OpenAPI 3.1 document of the operations. `basePath` is where they are, such as `/api/v1`. */
export function openApiDocument(
  operations: readonly Operation[],
  about: { readonly version: string; readonly basePath: string },
): Json {
  const paths: Record<string, Json> = {};
  for (const each of operations) {
    paths[each.path] = { ...paths[each.path], [each.method.toLowerCase()]: operationObject(each) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Portcullis administration",
      version: about.version,
      description: "What an administrator can do. Errors are problem+json (RFC 9457) with the codes of docs/errors.md.",
    },
    servers: [{ url: about.basePath }],
    paths,
    components: { schemas: componentSchemas(operations), securitySchemes: SECURITY },
  };
}

const SECURITY = {
  adminToken: { type: "http", scheme: "bearer", description: "A token of `portcullis tokens create`." },
  session: { type: "apiKey", in: "cookie", name: "portcullis_session", description: "An administrator's session." },
  csrf: { type: "apiKey", in: "header", name: "X-CSRF-Token", description: "`csrf_token` of `GET /session`." },
};

function operationObject(each: Operation): Json {
  const parameters = [...parametersOf(each.params, "path"), ...parametersOf(each.query, "query"), ...headersOf(each)];
  const body = each.body === null ? {} : { requestBody: { required: true, content: jsonOf(each.body.name) } };
  const session = each.method === "GET" ? { session: [] } : { session: [], csrf: [] };
  return {
    operationId: each.id,
    tags: [each.tag],
    summary: each.summary,
    security: [{ adminToken: [] }, session],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...body,
    responses: responsesOf(each),
  };
}

function parametersOf(schema: z.ZodObject, place: "path" | "query"): readonly Json[] {
  const { properties, required } = z.toJSONSchema(schema, { io: "input" });
  return Object.entries(properties ?? {}).map(([name, property]) => ({
    name,
    in: place,
    required: place === "path" || (required?.includes(name) ?? false),
    schema: property,
  }));
}

function headersOf({ creates, versioned }: Operation): readonly Json[] {
  const headers: Json[] = [];
  if (creates !== null) {
    const description = "A repeated request with the same key is answered with the first answer, for 24 hours.";
    headers.push(headerOf("Idempotency-Key", IDEMPOTENCY_KEY_PATTERN, description));
  }
  if (versioned) headers.push(headerOf("If-Match", IF_MATCH_PATTERN, "The `ETag` of the record as it was read."));
  return headers;
}

function headerOf(name: string, pattern: RegExp, description: string): Json {
  return { name, in: "header", required: false, description, schema: { type: "string", pattern: pattern.source } };
}

function responsesOf(each: Operation): Json {
  const codes = new Set<ErrorCode>([...ALWAYS, ...each.refuses]);
  if (each.body !== null) add(codes, "body_too_large", "unsupported_media_type", "invalid_request");
  if (each.creates !== null) add(codes, "conflict", "idempotency_mismatch");
  if (each.versioned) codes.add("precondition_failed");
  if (each.method !== "GET") add(codes, "body_too_large", "unsupported_media_type", "invalid_request");
  const responses: Record<string, Json> = {
    [`${each.status}`]: { description: "Done.", content: jsonOf(each.answer.name) },
  };
  for (const code of codes) {
    const { publicText, status } = ERRORS[code];
    responses[`${status}`] ??= {
      description: publicText,
      content: { "application/problem+json": { schema: { $ref: refOf(PROBLEM.name) } } },
    };
  }
  return responses;
}

function add(codes: Set<ErrorCode>, ...more: readonly ErrorCode[]): void {
  for (const code of more) codes.add(code);
}

function jsonOf(name: string): Json {
  return { "application/json": { schema: { $ref: refOf(name) } } };
}

function refOf(name: string): string {
  return `#/components/schemas/${name}`;
}

/** Bodies as they are sent, answers as they come. A name that stands for two schemas is a fault. */
function componentSchemas(operations: readonly Operation[]): Json {
  const bodies = operations.flatMap(({ body }) => (body === null ? [] : [body]));
  const answers = [PROBLEM, ...operations.map(({ answer }) => answer)];
  return { ...schemasOf(bodies, "input"), ...schemasOf(answers, "output") };
}

function schemasOf(named: readonly Named<z.ZodType>[], io: "input" | "output"): Json {
  const registry = z.registry<{ id: string }>();
  const known = new Map<string, z.ZodType>();
  for (const { name, schema } of named) {
    if (known.has(name) && known.get(name) !== schema) throw new Error(`two schemas are called ${name}`);
    known.set(name, schema);
    registry.add(schema, { id: name });
  }
  const { schemas } = z.toJSONSchema(registry, { io, uri: refOf });
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { $id: _id, $schema: _schema, ...schema }]) => [name, schema]),
  );
}
