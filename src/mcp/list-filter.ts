import { Transform, type TransformCallback } from "node:stream";
import { z } from "zod";
import type { ListedKind } from "./may-list.ts";
import { sseData, SseSplitter, withSseData } from "./sse.ts";

/** True where the caller may be shown the thing. */
export type MayList = (kind: ListedKind, name: string) => boolean;

/** Where the lists stand in a result, and what names their members. */
const LISTS: readonly { readonly key: string; readonly kind: ListedKind; readonly name: string }[] = [
  { key: "tools", kind: "tool", name: "name" },
  { key: "prompts", kind: "prompt", name: "name" },
  { key: "resources", kind: "resource", name: "uri" },
  { key: "resourceTemplates", kind: "resource_template", name: "uriTemplate" },
];

const response = z.looseObject({ result: z.looseObject({}) });

/**
 * Takes out of a JSON-RPC answer (or a batch of them) what the caller may not call. Paging stays as it
 * is. Returns the same text where nothing was taken out. Throws `SyntaxError` where it is no JSON.
 */
export function filterLists(text: string, mayList: MayList): string {
  const value: unknown = JSON.parse(text);
  const messages: readonly unknown[] = Array.isArray(value) ? value : [value];
  let changed = false;
  const filtered = messages.map((message) => {
    const parsed = response.safeParse(message);
    if (!parsed.success) return message;
    const result = filterResult(parsed.data.result, mayList);
    if (result === null) return message;
    changed = true;
    return { ...parsed.data, result };
  });
  if (!changed) return text;
  return JSON.stringify(Array.isArray(value) ? filtered : filtered[0]);
}

/** The result without what may not be listed; `null` where that is nothing. */
function filterResult(result: Record<string, unknown>, mayList: MayList): Record<string, unknown> | null {
  let filtered: Record<string, unknown> | null = null;
  for (const { key, kind, name } of LISTS) {
    const members = result[key];
    if (!Array.isArray(members)) continue;
    const kept = members.filter((member: unknown) => isListed(member, kind, name, mayList));
    if (kept.length < members.length) filtered = { ...(filtered ?? result), [key]: kept };
  }
  return filtered;
}

/** A member without a name is not shown: nothing says that it may be. */
function isListed(member: unknown, kind: ListedKind, nameKey: string, mayList: MayList): boolean {
  if (typeof member !== "object" || member === null) return false;
  const name = new Map<string, unknown>(Object.entries(member)).get(nameKey);
  return typeof name === "string" && mayList(kind, name);
}

interface FilterOptions {
  readonly mayList: MayList;
  /** Longest event that is held to be filtered, bytes; a longer one is an error. */
  readonly limit: number;
}

/**
 * Filters an answer in `text/event-stream`: event by event, each handed on as soon as it is whole. What is
 * left at the end without an empty line behind it is no event, and is dropped (HTML Standard, 9.2.6).
 */
export function sseListFilter({ mayList, limit }: FilterOptions): Transform {
  const splitter = new SseSplitter(limit);
  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      attempt(done, () => Buffer.concat(splitter.push(chunk).map((event) => filterEvent(event, mayList))));
    },
  });
}

/** Most events hold no list, and need not be parsed to tell. A key may be written with escapes. */
const MAY_HOLD_LISTS = /"(?:tools|prompts|resources|resourceTemplates)"|\\u/;

function filterEvent(event: Buffer, mayList: MayList): Buffer {
  const data = sseData(event);
  // Keep-alives and priming events have no data; what is not an object or a batch is no answer.
  if (data === null || !/^\s*[{[]/.test(data) || !MAY_HOLD_LISTS.test(data)) return event;
  const filtered = filterLists(data, mayList);
  return filtered === data ? event : withSseData(event, filtered);
}

function attempt(done: TransformCallback, act: () => string | Buffer): void {
  let output: string | Buffer;
  try {
    output = act();
  } catch (error) {
    done(error instanceof Error ? error : new Error("the answer could not be filtered"));
    return;
  }
  done(null, output.length === 0 ? undefined : output);
}
