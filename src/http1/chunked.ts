import { hasOddBytes, readFields } from "./field.ts";

/** Longest trailer section that is read, in bytes. */
const MAX_TRAILERS = 8 * 1024;
/** 16^13 bytes is more than any body, and still an exact number. */
const MAX_SIZE_DIGITS = 13;
const ODD_TRAILERS = "the trailers hold a control character or a bare line end";

const NO_TRAILERS: readonly string[] = [];

type State = "size" | "size-lf" | "data" | "data-cr" | "data-lf" | "trailers" | "done";

/** What the decoder hands on. */
export interface ChunkedSink {
  data(chunk: Buffer): void;
}

/**
 * Decodes the chunked coding (RFC 9112 §7.1), strictly: hexadecimal sizes only, CRLF only. Chunk
 * extensions are refused: nobody uses them but to make two readers disagree.
 */
export class ChunkedDecoder {
  #state: State = "size";
  #remaining = 0;
  #digits = 0;
  #trailerBytes = "";
  #trailers: readonly string[] = NO_TRAILERS;

  /** Makes it ready for the next body. */
  reset(): void {
    this.#state = "size";
    this.#remaining = 0;
    this.#digits = 0;
    this.#trailerBytes = "";
    this.#trailers = NO_TRAILERS;
  }

  /** The trailer fields, name and value by turns; complete once `done`. */
  get trailers(): readonly string[] {
    return this.#trailers;
  }

  get done(): boolean {
    return this.#state === "done";
  }

  /**
   * Decodes `bytes` from `start`. Returns where it stopped: the end of `bytes`, or just behind the
   * body when `done`. Returns the text of the violation where the coding is broken.
   */
  decode(bytes: Buffer, start: number, sink: ChunkedSink): number | string {
    let at = start;
    while (at < bytes.length && this.#state !== "done") {
      if (this.#state === "data") {
        const end = Math.min(bytes.length, at + this.#remaining);
        sink.data(bytes.subarray(at, end));
        this.#remaining -= end - at;
        at = end;
        if (this.#remaining === 0) this.#state = "data-cr";
      } else if (this.#state === "trailers") {
        const next = this.#readTrailers(bytes, at);
        if (typeof next === "string") return next;
        at = next;
      } else {
        const problem = this.#step(bytes[at] ?? 0);
        if (problem !== null) return problem;
        at++;
      }
    }
    return at;
  }

  #step(byte: number): string | null {
    switch (this.#state) {
      case "size":
        return this.#readSize(byte);
      case "size-lf":
        if (byte !== 10) return "a chunk size does not end in CRLF";
        this.#digits = 0;
        this.#state = this.#remaining === 0 ? "trailers" : "data";
        return null;
      case "data-cr":
        if (byte !== 13) return "a chunk is longer than its size";
        this.#state = "data-lf";
        return null;
      case "data-lf":
        if (byte !== 10) return "a chunk does not end in CRLF";
        this.#state = "size";
        return null;
      case "data":
      case "trailers":
      case "done":
        return null;
    }
  }

  #readSize(byte: number): string | null {
    if (byte === 13) {
      if (this.#digits === 0) return "a chunk has no size";
      this.#state = "size-lf";
      return null;
    }
    const digit = hexDigit(byte);
    if (digit < 0) return byte === 59 ? "a chunk extension" : "a chunk size is not a hexadecimal number";
    if (++this.#digits > MAX_SIZE_DIGITS) return "a chunk size is too large";
    this.#remaining = this.#remaining * 16 + digit;
    return null;
  }

  /** Trailers are rare and short: gathered as text until their empty line is there. */
  #readTrailers(bytes: Buffer, start: number): number | string {
    const before = this.#trailerBytes.length;
    const text = this.#trailerBytes + bytes.toString("latin1", start, Math.min(bytes.length, start + MAX_TRAILERS));
    const end = text.startsWith("\r\n") ? 0 : text.indexOf("\r\n\r\n");
    if (end < 0) {
      if (text.length >= MAX_TRAILERS) return "the trailers are too long";
      // What is odd already will not get better; a CR at the end may yet get its LF.
      if (hasOddBytes(text.endsWith("\r") ? text.slice(0, -1) : text)) return ODD_TRAILERS;
      this.#trailerBytes = text;
      return bytes.length;
    }
    const section = end === 0 ? "" : text.slice(0, end + 2);
    if (hasOddBytes(section)) return ODD_TRAILERS;
    const fields: string[] = [];
    const problem = readFields(section, 0, section.length, fields);
    if (problem !== null) return problem;
    this.#trailers = fields;
    this.#state = "done";
    return start + (end === 0 ? 2 : end + 4) - before;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  if (byte >= 97 && byte <= 102) return byte - 87;
  if (byte >= 65 && byte <= 70) return byte - 55;
  return -1;
}
