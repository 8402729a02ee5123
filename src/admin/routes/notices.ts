import { z } from "zod";
import type { Spread } from "../../revocation/spread.ts";
import { spreadText } from "../../revocation/spread-text.ts";
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

/** How many instances that are out a notice names. */
const MOST_OUT = 5;
const number = z.coerce.number().int().min(0).max(1_000_000);
const spreadQuery = z.object({
  instances: number.min(1),
  applied: number,
  ms: number,
  streams: number,
  out: z
    .string()
    .regex(/^(?:[\w.-]{1,80}:\d{1,7}(?:,|$)){0,5}$/)
    .default(""),
});

/** The notice that `done` of a page's query names; `null` for none of ours. */
export function noticeOf(query: unknown): Html | null {
  const code = typeof query === "object" && query !== null && "done" in query ? query.done : null;
  if (!isNoticeCode(code)) return null;
  const spread = spreadOf(query);
  const isOut = spread !== null && spread.out.length > 0;
  const tone = isOut ? "warning" : code === "unchanged" ? "info" : "success";
  const more = spread === null ? null : spreadText(spread);
  return notice(tone, more === null ? NOTICES[code] : `${NOTICES[code]} ${more}`);
}

/** A path with the notice for where it leads, and how the change spread where that is to be told. */
export function withNotice(path: string, code: NoticeCode, spread: Spread | null): string {
  const query = new URLSearchParams({ done: code });
  if (spread !== null && spread.instances > 0) {
    query.set("instances", String(spread.instances));
    query.set("applied", String(spread.applied));
    query.set("ms", String(Math.round(spread.ms)));
    query.set("streams", String(spread.streamsClosed));
    const out = spread.out.slice(0, MOST_OUT).map(({ forMs, instance }) => `${instance}:${Math.ceil(forMs)}`);
    if (out.length > 0) query.set("out", out.join(","));
  }
  return `${path}${path.includes("?") ? "&" : "?"}${query.toString()}`;
}

function spreadOf(query: unknown): Spread | null {
  const { data } = spreadQuery.safeParse(query);
  if (data === undefined) return null;
  const { applied, instances, ms, streams } = data;
  const out = data.out.split(",").filter((each) => each !== "");
  return {
    instances,
    applied,
    ms,
    streamsClosed: streams,
    out: out.map((each) => ({
      instance: each.slice(0, each.indexOf(":")),
      forMs: Number(each.slice(each.indexOf(":") + 1)),
    })),
    lapsed: [],
  };
}
