import { type ErrorOut, errors, type KoaContextWithOIDC } from "oidc-provider";
import type { Chrome } from "../web/chrome.ts";
import { messagePage } from "./pages/messages.ts";
import type { RequestFacts } from "./request-facts.ts";

/** What an answer needs of Koa's context. */
export type Answering = Pick<KoaContextWithOIDC, "req" | "set" | "accepts"> & {
  status: number;
  body: unknown;
  type: string;
};

const START_AGAIN = "Go back to the app and start again there.";

/** Errors in words for people; the others are described by the library, which names nothing that is internal. */
const WORDS: Readonly<Record<string, { readonly title: string; readonly text: string }>> = {
  invalid_client: { title: "Unknown app", text: `The app is not known here, or it was disabled. ${START_AGAIN}` },
  invalid_redirect_uri: {
    title: "The app cannot be answered",
    text: "It asked to be answered at an address that it has not registered. Do not go on; tell an administrator.",
  },
  access_denied: { title: "Access for apps is off", text: "An administrator has switched access for apps off." },
  temporarily_unavailable: { title: "Not available now", text: "Try again in a moment." },
  server_error: { title: "Something went wrong", text: "The fault is ours. Try again in a moment." },
};

const ENDED = {
  title: "This request has ended",
  text: `It was answered already, it took too long, or another browser answered it. ${START_AGAIN}`,
};

const TOO_MANY = {
  title: "Too many requests",
  text: "Apps on your network have asked to be let in too often. Wait ten minutes, then go back to the app and try again.",
};

/** Answers with an error page where a browser asks and no client can be answered. */
export function createErrorPages({ chrome, facts }: { readonly chrome: () => Chrome; readonly facts: RequestFacts }) {
  return (ctx: Answering, { error, error_description: description }: ErrorOut, caught?: Error): void => {
    const requestId = facts.of(ctx.req)?.about.requestId ?? "";
    // The library has a redirect in mind.
    if (ctx.status >= 300 && ctx.status < 400) ctx.status = 400;
    const ended = caught instanceof errors.SessionNotFound ? ENDED : undefined;
    const words = ended ??
      (ctx.status === 429 ? TOO_MANY : WORDS[error]) ?? {
        title: "The request cannot be answered",
        text: `The app sent a request that is not in order: ${description ?? "it is refused"} (${error}). ${START_AGAIN}`,
      };
    ctx.type = "text/html; charset=utf-8";
    ctx.body = messagePage(chrome(), { ...words, requestId }).toString();
  };
}

export type ErrorPages = ReturnType<typeof createErrorPages>;

/** Answers with an error: a page for browsers at the authorization endpoint, else JSON (RFC 6749, section 5.2). */
export function answerError(ctx: Answering, error: errors.OIDCProviderError, page: ErrorPages | null): void {
  const out: ErrorOut = { error: error.error, error_description: error.error_description };
  ctx.status = error.statusCode;
  if (page !== null && ctx.accepts("json", "html") === "html") {
    page(ctx, out);
    return;
  }
  ctx.body = out;
}

/** The method is not the endpoint's. */
export class MethodNotAllowed extends errors.OIDCProviderError {
  constructor(allow: string) {
    super(405, "invalid_request");
    this.error_description = `use ${allow}`;
  }
}

/** MCP access is off: nothing of OAuth is answered. */
export class AccessOff extends errors.OIDCProviderError {
  constructor() {
    super(403, "access_denied");
    this.error_description = "access for MCP clients is switched off";
  }
}

/** The policy is that clients do not register. */
export class RegistrationOff extends errors.OIDCProviderError {
  constructor() {
    super(403, "access_denied");
    this.error_description = "clients cannot register here; ask an administrator to add one";
  }
}
