import type { FastifyReply } from "fastify";
import { ERRORS, type ErrorCode } from "../core/errors.ts";

/** Answers with `application/problem+json` (RFC 9457) as the error table says. */
export function sendProblem(reply: FastifyReply, code: ErrorCode): FastifyReply {
  const { status, publicText } = ERRORS[code];
  return reply
    .code(status)
    .type("application/problem+json")
    .send(JSON.stringify({ type: "about:blank", title: publicText, status, code, request_id: reply.request.id }));
}
