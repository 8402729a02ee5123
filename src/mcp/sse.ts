/** One event of an event stream: its bytes as they came, with the empty line that ends it. */
export type SseEvent = Buffer;

const LF = 10;
const CR = 13;

/**
 * Splits an event stream (HTML Standard, section 9.2) into events. Lines end in LF, CRLF or CR; an
 * empty line ends an event. Holds at most `limit` bytes of an event that is not whole yet.
 */
export class SseSplitter {
  readonly #limit: number;
  #held: Buffer = Buffer.alloc(0);
  /** Where in `#held` looking goes on, and where the line begins that it is in. */
  #at = 0;
  #lineStart = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The events that `chunk` completes. Throws `RangeError` where one grows over the limit. */
  push(chunk: Buffer): readonly SseEvent[] {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const events: SseEvent[] = [];
    let start = 0;
    for (let end = this.#eventEnd(bytes); end !== -1; end = this.#eventEnd(bytes)) {
      events.push(bytes.subarray(start, end));
      start = end;
    }
    this.#held = bytes.subarray(start);
    this.#at -= start;
    this.#lineStart -= start;
    if (this.#held.length > this.#limit) throw new RangeError("an event is longer than the limit");
    return events;
  }

  /** Just behind the next empty line; -1 where it is not there yet. */
  #eventEnd(bytes: Buffer): number {
    while (this.#at < bytes.length) {
      const byte = bytes[this.#at];
      if (byte !== LF && byte !== CR) {
        this.#at++;
        continue;
      }
      let next = this.#at + 1;
      // A CR at the very end may be half of a CRLF: wait for what follows.
      if (byte === CR && next === bytes.length) return -1;
      if (byte === CR && bytes[next] === LF) next++;
      const empty = this.#at === this.#lineStart;
      this.#at = next;
      this.#lineStart = next;
      if (empty) return next;
    }
    return -1;
  }
}

/** The data of an event, its `data` lines joined; `null` where it has none. */
export function sseData(event: SseEvent): string | null {
  const data: string[] = [];
  for (const line of linesOf(event)) {
    if (line === "data") data.push("");
    else if (line.startsWith("data:")) data.push(line.slice(line[5] === " " ? 6 : 5));
  }
  return data.length === 0 ? null : data.join("\n");
}

/** The event with other data, on one line; its other fields stay. */
export function withSseData(event: SseEvent, data: string): SseEvent {
  const kept = linesOf(event).filter((line) => line !== "" && line !== "data" && !line.startsWith("data:"));
  return Buffer.from([...kept, `data: ${data}`, "", ""].join("\n"), "utf8");
}

function linesOf(event: SseEvent): string[] {
  return event
    .toString("utf8")
    .replace(/^\ufeff/, "")
    .split(/\r\n|\n|\r/);
}
