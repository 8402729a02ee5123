import { notice } from "../../web/fields.ts";
import type { Html } from "../../web/html.ts";

/** What can be said at the top of the page after something was done. A link can only name one of these. */
const NOTICES = {
  mcp_on: "MCP access is on. Applications can connect.",
  mcp_off: "MCP access is off. What was connected has ended.",
  policy: "The MCP client settings are saved.",
  key_revoked: "The API key is revoked. It does not work any more.",
  client_added: "The client is added. People can connect with it.",
  client_approved: "The client is approved. People can connect with it.",
  client_disabled: "The client is disabled, and its access has ended.",
  client_enabled: "The client is enabled.",
  grant_revoked: "The access is revoked. Its tokens do not work any more.",
  person_added: "The person is added.",
  person_saved: "The changes are saved.",
  person_disabled: "The person is disabled and signed out.",
  person_enabled: "The person is enabled.",
  sessions_ended: "All sessions are ended.",
  token_revoked: "The API token is revoked.",
  unchanged: "Nothing was changed: it was so already.",
} as const;

export type NoticeCode = keyof typeof NOTICES;

function isNoticeCode(text: unknown): text is NoticeCode {
  return typeof text === "string" && Object.hasOwn(NOTICES, text);
}

/** The notice that `done` of a page's query names; `null` for none of ours. */
export function noticeOf(query: unknown): Html | null {
  const code = typeof query === "object" && query !== null && "done" in query ? query.done : null;
  if (!isNoticeCode(code)) return null;
  return notice(code === "unchanged" ? "info" : "success", NOTICES[code]);
}

/** A path with the notice for where it leads. */
export function withNotice(path: string, code: NoticeCode): string {
  return `${path}${path.includes("?") ? "&" : "?"}done=${code}`;
}
