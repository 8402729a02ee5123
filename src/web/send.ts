import type { FastifyReply } from "fastify";
import type { ErrorCode } from "../core/errors.ts";
import { PROBLEM_TYPE, problemDetails } from "../core/problem-details.ts";
import type { Html } from "./html.ts";
import { contentSecurityPolicy, type PageRights } from "./security-headers.ts";

/** Answers with a page. Throws where a `formAction` of its rights is no http(s) URL. */
export function sendPage(reply: FastifyReply, status: number, page: Html, rights: PageRights = {}): FastifyReply {
  return (
    reply
      .code(status)
      .type("text/html; charset=utf-8")
      .header("content-security-policy", contentSecurityPolicy(rights))
      // With `no-referrer` a browser sends `Origin: null` with the page's form.
      .header("referrer-policy", "same-origin")
      .send(page.toString())
  );
}

/** Answers with problem details, as the error table says. `more` are members that the operation adds. */
export function sendProblem(reply: FastifyReply, code: ErrorCode, more: object = {}): FastifyReply {
  const details = problemDetails(code, reply.request.id);
  return reply
    .code(details.status)
    .type(PROBLEM_TYPE)
    .send(JSON.stringify({ ...details, ...more }));
}
