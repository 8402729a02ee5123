import { ERRORS, type ErrorCode } from "../core/errors.ts";
import { StoreUnavailable } from "../core/store-unavailable.ts";

/** What an error page shows. */
export interface Fault {
  readonly status: number;
  readonly code: ErrorCode;
  readonly title: string;
  readonly text: string;
}

/** Codes that read differently to a person in a browser than to a program. */
const WORDS: Partial<Readonly<Record<ErrorCode, { readonly title: string; readonly text: string }>>> = {
  bad_request: { title: "That did not work", text: "The request could not be read. Go back and try again." },
  body_too_large: { title: "That is too much", text: "The form was larger than we accept." },
  no_route: {
    title: "Page not found",
    text: "There is no page at this address. Check the link that brought you here.",
  },
  origin_forbidden: {
    title: "Not sent from our page",
    text: "The form was sent from another site. Open the page here and send it again.",
  },
  internal_error: { title: "Something went wrong", text: "The fault is ours. Try again in a moment." },
  store_unavailable: { title: "Not available now", text: "We cannot read our records now. Try again in a moment." },
};

/** The fault of a code, in words for a page. */
export function faultOf(code: ErrorCode): Fault {
  const { status, publicText } = ERRORS[code];
  const { title, text } = WORDS[code] ?? { title: "That did not work", text: publicText };
  return { status, code, title, text };
}

/** Thrown where another site made a request that may change something. */
export class FromElsewhere extends Error {}

/** The code of what a handler or Fastify threw. */
export function codeOfError(error: unknown): ErrorCode {
  if (!(error instanceof Error)) return "internal_error";
  if (error instanceof FromElsewhere) return "origin_forbidden";
  if (error instanceof StoreUnavailable) return "store_unavailable";
  const status = "statusCode" in error ? error.statusCode : undefined;
  if (status === 413) return "body_too_large";
  if (status === 404) return "no_route";
  return typeof status === "number" && status >= 400 && status < 500 ? "bad_request" : "internal_error";
}
