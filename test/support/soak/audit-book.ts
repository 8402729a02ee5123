import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { z } from "zod";
import { indexOf } from "./request-text.ts";

const lineSchema = z.object({
  event: z.string(),
  request_id: z.string(),
  path: z.string(),
  route: z.string().nullable(),
  decision: z.enum(["allow", "deny"]),
  reason: z.string(),
  detail: z.string().nullable(),
  status: z.number(),
  bytes_in: z.number(),
  bytes_out: z.number(),
  upstream_ms: z.number().nullable(),
});

/** The last line of a request. */
export type Final = z.infer<typeof lineSchema>;

/** What the audit file says. */
export interface AuditBook {
  /** By the number of the request. */
  readonly finals: ReadonlyMap<number, Final>;
  /** Lines of heads that could not be read: they have no path, so no number. */
  readonly unreadable: readonly Final[];
  readonly streamsOpened: ReadonlySet<number>;
  /** By `route decision reason status`, as the metrics have it. */
  readonly cells: ReadonlyMap<string, number>;
  readonly total: number;
  readonly problems: readonly string[];
}

const REQUEST_EVENTS = new Set(["request", "stream_open", "stream_close"]);

/** Reads the audit file. Lines of other events, such as of key commands, are left out. */
export async function readAudit(file: string): Promise<AuditBook> {
  const finals = new Map<number, Final>();
  const unreadable: Final[] = [];
  const streamsOpened = new Set<number>();
  const cells = new Map<string, number>();
  const problems: string[] = [];
  let total = 0;
  for await (const text of createInterface({ input: createReadStream(file) })) {
    const json: unknown = JSON.parse(text);
    const { event } = z.object({ event: z.string() }).parse(json);
    if (!REQUEST_EVENTS.has(event)) continue;
    const line = lineSchema.parse(json);
    const index = indexOf(line.path);
    if (event === "stream_open") {
      if (streamsOpened.has(index)) problems.push(`m${index}: two lines of stream_open`);
      streamsOpened.add(index);
      continue;
    }
    total++;
    const cell = `${line.route ?? "none"} ${line.decision} ${line.reason} ${line.status}`;
    cells.set(cell, (cells.get(cell) ?? 0) + 1);
    if (index < 0) unreadable.push(line);
    else if (finals.has(index)) problems.push(`m${index}: two last lines`);
    else finals.set(index, line);
    if (index >= 0 && (event === "stream_close") !== streamsOpened.has(index)) {
      problems.push(`m${index}: ${event}, though a stream was ${streamsOpened.has(index) ? "" : "not "}opened`);
    }
  }
  return { finals, unreadable, streamsOpened, cells, total, problems };
}
