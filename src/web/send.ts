import type { FastifyReply } from "fastify";
import type { Html } from "./html.ts";
import { contentSecurityPolicy } from "./security-headers.ts";

/**
 * Answers with a page. `formAction` names the origins that the answer to the page's form may redirect to, as a consent
 * form's does. Throws where one is no http(s) URL.
 */
export function sendPage(
  reply: FastifyReply,
  status: number,
  page: Html,
  options: { readonly formAction?: readonly string[] } = {},
): FastifyReply {
  return (
    reply
      .code(status)
      .type("text/html; charset=utf-8")
      .header("content-security-policy", contentSecurityPolicy(options.formAction))
      // With `no-referrer` a browser sends `Origin: null` with the page's form.
      .header("referrer-policy", "same-origin")
      .send(page.toString())
  );
}
