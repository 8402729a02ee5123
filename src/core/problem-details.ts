import { ERRORS, type ErrorCode } from "./errors.ts";

/** Media type of problem details (RFC 9457). */
export const PROBLEM_TYPE = "application/problem+json";

/** What every refusal says, as the error table has it. */
export interface ProblemDetails {
  readonly type: "about:blank";
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly request_id: string;
}

/** Problem details (RFC 9457) of a refused request. */
export function problemDetails(code: ErrorCode, requestId: string): ProblemDetails {
  const { status, publicText } = ERRORS[code];
  return { type: "about:blank", title: publicText, status, code, request_id: requestId };
}
