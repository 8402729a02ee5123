/** One event of an event stream: its bytes as they came, with the empty line that ends it. */
export type SseEvent = Buffer;

const LF = 10;
const CR = 13;

/**
 * Splits an event stream (HTML Standard, section 9.2) into events. Lines end in LF, CRLF or CR; an
 * empty line ends an event. Holds at most `limit` bytes of an event that is not whole yet. No byte is
 * looked at or copied twice, however small the chunks are.
 */
export class SseSplitter {
  readonly #limit: number;
  #held: Buffer[] = [];
  #heldSize = 0;
  /** Nothing stands yet in the line that it is in. */
  #lineIsEmpty = true;
  /** An LF that comes now belongs to the CR before it. */
  #afterCr = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * The events that `chunk` completes, as soon as they are: the LF of a CRLF that ends one may come
   * with the next. Throws `RangeError` where one grows over the limit.
   */
  push(chunk: Buffer): readonly SseEvent[] {
    const events: SseEvent[] = [];
    let start = 0;
    let at = 0;
    while (at < chunk.length) {
      const byte = chunk[at++];
      if (byte === LF && this.#afterCr) {
        this.#afterCr = false;
        continue;
      }
      this.#afterCr = byte === CR;
      if (byte !== LF && byte !== CR) {
        this.#lineIsEmpty = false;
        continue;
      }
      if (!this.#lineIsEmpty) {
        this.#lineIsEmpty = true;
        continue;
      }
      if (byte === CR && chunk[at] === LF) {
        this.#afterCr = false;
        at++;
      }
      this.#hold(chunk.subarray(start, at));
      events.push(this.#take());
      start = at;
    }
    this.#hold(chunk.subarray(start));
    return events;
  }

  #hold(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#heldSize += bytes.length;
    if (this.#heldSize > this.#limit) throw new RangeError("an event is longer than the limit");
    this.#held.push(bytes);
  }

  #take(): Buffer {
    const [first] = this.#held;
    const bytes = this.#held.length === 1 && first !== undefined ? first : Buffer.concat(this.#held);
    this.#held = [];
    this.#heldSize = 0;
    return bytes;
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
