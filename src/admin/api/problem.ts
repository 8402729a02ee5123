import type { FastifyReply } from "fastify";
import { z } from "zod";
import { type ErrorCode, ERROR_CODES, ERRORS } from "../../core/errors.ts";
import type { FieldProblem } from "../../core/field-problem.ts";
import { codeOfError } from "../../web/faults.ts";

/** Thrown where an operation is refused. */
export class ApiProblem extends Error {
  readonly code: ErrorCode;
  /** What stands against it, as a sentence for people. Never a secret. */
  readonly detail: string | null;
  readonly fields: readonly FieldProblem[];
  readonly headers: Readonly<Record<string, string>>;
  /** Who was refused, where that is known. For the audit. */
  readonly subject: string | null;

  constructor(
    code: ErrorCode,
    about: {
      readonly detail?: string | null;
      readonly fields?: readonly FieldProblem[];
      readonly headers?: Readonly<Record<string, string>>;
      readonly subject?: string | null;
    } = {},
  ) {
    super(about.detail ?? code);
    this.name = "ApiProblem";
    this.code = code;
    this.detail = about.detail ?? null;
    this.fields = about.fields ?? [];
    this.headers = about.headers ?? {};
    this.subject = about.subject ?? null;
  }
}

/** RFC 9457, as every refusal of the API looks. */
export const problemSchema = z.strictObject({
  type: z.literal("about:blank"),
  title: z.string(),
  status: z.int(),
  code: z.enum(ERROR_CODES),
  request_id: z.string(),
  detail: z.string().optional().describe("What stands against it."),
  errors: z
    .array(z.strictObject({ field: z.string(), text: z.string() }))
    .optional()
    .describe("Each field that is wrong, and why."),
});

/** Answers a refusal. */
export function sendApiProblem(reply: FastifyReply, problem: ApiProblem): FastifyReply {
  const { code, detail, fields } = problem;
  const { status, publicText } = ERRORS[code];
  const body: z.infer<typeof problemSchema> = {
    type: "about:blank",
    title: publicText,
    status,
    code,
    request_id: reply.request.id,
    ...(detail === null ? {} : { detail }),
    ...(fields.length === 0 ? {} : { errors: fields.map(({ field, text }) => ({ field, text })) }),
  };
  return reply.code(status).headers(problem.headers).type("application/problem+json").send(JSON.stringify(body));
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  AuditUnavailable: "audit_unavailable",
  PasswordsBusy: "too_many_requests",
  SigninStale: "signin_stale",
  TokenForbidden: "token_forbidden",
};

/** What a handler or Fastify threw, as a refusal. */
export function problemOf(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (!(error instanceof Error)) return new ApiProblem("internal_error");
  if (error.name === "InvalidRequest" && "fields" in error && isFields(error.fields)) {
    return new ApiProblem("invalid_request", { fields: error.fields });
  }
  if ("statusCode" in error && error.statusCode === 415) return new ApiProblem("unsupported_media_type");
  return new ApiProblem(CODES[error.name] ?? codeOfError(error));
}

function isFields(value: unknown): value is readonly FieldProblem[] {
  return Array.isArray(value);
}
