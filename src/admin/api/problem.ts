import type { FastifyReply } from "fastify";
import { z } from "zod";
import { AuditUnavailable } from "../../administration/audit-trail.ts";
import { SigninStale, TokenForbidden } from "../../administration/authority.ts";
import { type ErrorCode, ERROR_CODES } from "../../core/errors.ts";
import type { FieldProblem } from "../../core/field-problem.ts";
import { InvalidRequest } from "../../core/invalid-request.ts";
import { PasswordsBusy } from "../../signin/password.ts";
import { codeOfError } from "../../web/faults.ts";
import { sendProblem } from "../../web/send.ts";

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
  const more: Pick<z.infer<typeof problemSchema>, "detail" | "errors"> = {
    ...(detail === null ? {} : { detail }),
    ...(fields.length === 0 ? {} : { errors: fields.map(({ field, text }) => ({ field, text })) }),
  };
  return sendProblem(reply.headers(problem.headers), code, more);
}

const CODES = new Map<unknown, ErrorCode>([
  [AuditUnavailable, "audit_unavailable"],
  [PasswordsBusy, "too_many_requests"],
  [SigninStale, "signin_stale"],
  [TokenForbidden, "token_forbidden"],
]);

/** What a handler or Fastify threw, as a refusal. */
export function problemOf(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (!(error instanceof Error)) return new ApiProblem("internal_error");
  if (error instanceof InvalidRequest) return new ApiProblem("invalid_request", { fields: error.fields });
  if ("statusCode" in error && error.statusCode === 415) return new ApiProblem("unsupported_media_type");
  return new ApiProblem(CODES.get(error.constructor) ?? codeOfError(error));
}
