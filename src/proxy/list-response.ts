import type { Transform } from "node:stream";
import {
  brotliDecompressSync,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
  gunzipSync,
  inflateSync,
  zstdDecompressSync,
} from "node:zlib";
import type { ResponseHead } from "../http1/response-head.ts";
import { filterLists, type MayList, sseListFilter } from "../mcp/list-filter.ts";
import type { BodyBudget } from "./request-body.ts";
import { responseFieldClass } from "./response-fields.ts";
import { isEventStream } from "./response-head-writer.ts";

/** Longest list in JSON, and longest event of a stream, that is filtered, bytes after decompression. */
const LIMIT = 8 * 1024 * 1024;

const LARGEST_EVENT = 64 * 1024 * 1024;

/** What the exchange does with a filtered body. */
export interface ListSink {
  /** For answers that are held whole. */
  readonly budget: BodyBudget;
  /** The whole body in its last form; the head was not written yet. */
  whole(body: Buffer): void;
  /** A part of a stream. False asks to wait for `resume`. */
  part(chunk: Buffer): boolean;
  ended(): void;
  /** More of the upstream's body may come. */
  resumed(): void;
  /** The answer cannot be filtered, so it cannot be shown. */
  failed(detail: string): void;
}

/** Takes the body of an answer with lists and hands on what the caller may see of it. */
export interface ListResponse {
  /** The head is written by `whole`, once the length is known. */
  readonly holdsHead: boolean;
  /** False asks to wait for `resumed`. */
  write(chunk: Buffer): boolean;
  end(): void;
  /** The client's side takes more. */
  resume(): void;
  destroy(): void;
}

/**
 * The filter for an answer, by its type and coding; `null` where there is nothing to filter. Throws
 * where there is, but in a form that cannot be read: then it must not be shown.
 */
export function listResponseFor(
  head: ResponseHead,
  use: { readonly mayList: MayList; readonly asksForLists: boolean },
  sink: ListSink,
): ListResponse | null {
  if (head.framing.kind === "none" || head.status >= 300) return null;
  const type = fieldOf(head, "content-type")?.toLowerCase() ?? "";
  const stream = isEventStream(head);
  if (!use.asksForLists && !stream) return null;
  const coding = fieldOf(head, "content-encoding")?.toLowerCase() ?? "identity";
  // Where no list was asked for, an event may be a large answer of another kind.
  const limit = use.asksForLists ? LIMIT : LARGEST_EVENT;
  if (stream) return new EventStreamLists(coding, use.mayList, sink, limit);
  if (!/^application\/json\s*(?:;|$)/.test(type)) throw new Error("an answer that is neither JSON nor an event stream");
  return new JsonLists(coding, use.mayList, sink);
}

function fieldOf(head: ResponseHead, fieldClass: "content-type" | "content-encoding"): string | null {
  let value: string | null = null;
  for (let i = 0; i < head.fields.length; i += 2) {
    if (responseFieldClass(head.fields[i] ?? "") !== fieldClass) continue;
    if (value !== null) throw new Error(`two ${fieldClass} fields`);
    value = head.fields[i + 1] ?? "";
  }
  return value;
}

class JsonLists implements ListResponse {
  readonly holdsHead = true;
  readonly #coding: string;
  readonly #mayList: MayList;
  readonly #sink: ListSink;
  readonly #chunks: Buffer[] = [];
  #size = 0;

  constructor(coding: string, mayList: MayList, sink: ListSink) {
    this.#coding = coding;
    this.#mayList = mayList;
    this.#sink = sink;
  }

  write(chunk: Buffer): boolean {
    if (this.#size + chunk.length > LIMIT) {
      this.#sink.failed("a list is longer than the limit");
    } else if (!this.#sink.budget.take(chunk.length)) {
      this.#sink.failed("other lists and bodies fill limits.inspect_total");
    } else {
      this.#size += chunk.length;
      this.#chunks.push(chunk);
    }
    return true;
  }

  end(): void {
    try {
      const text = decompress(Buffer.concat(this.#chunks), this.#coding).toString("utf8");
      this.#sink.whole(Buffer.from(filterLists(text, this.#mayList), "utf8"));
    } catch (error) {
      this.#sink.failed(error instanceof Error ? error.message : "a list that cannot be filtered");
    }
  }

  resume(): void {}

  /** Called once, when the client has it or left. */
  destroy(): void {
    this.#sink.budget.giveBack(this.#size);
    this.#size = 0;
  }
}

function decompress(bytes: Buffer, coding: string): Buffer {
  const bounds = { maxOutputLength: LIMIT };
  switch (coding) {
    case "identity":
      return bytes;
    case "gzip":
    case "x-gzip":
      return gunzipSync(bytes, bounds);
    case "deflate":
      return inflateSync(bytes, bounds);
    case "br":
      return brotliDecompressSync(bytes, bounds);
    case "zstd":
      return zstdDecompressSync(bytes, bounds);
    default:
      throw new Error("a content coding that is not known");
  }
}

class EventStreamLists implements ListResponse {
  readonly holdsHead = false;
  readonly #input: Transform;
  readonly #output: Transform;

  constructor(coding: string, mayList: MayList, sink: ListSink, limit: number) {
    this.#output = sseListFilter({ mayList, limit });
    const decompressor = decompressorFor(coding);
    this.#input = decompressor ?? this.#output;
    const failed = (error: Error): void => sink.failed(error.message);
    if (decompressor !== null) decompressor.on("error", failed).pipe(this.#output);
    this.#output.on("error", failed);
    this.#input.on("drain", () => sink.resumed());
    this.#output.on("data", (chunk: Buffer) => {
      if (!sink.part(chunk)) this.#output.pause();
    });
    this.#output.on("end", () => sink.ended());
  }

  write(chunk: Buffer): boolean {
    return this.#input.write(chunk);
  }

  end(): void {
    this.#input.end();
  }

  resume(): void {
    this.#output.resume();
  }

  destroy(): void {
    this.#input.destroy();
    this.#output.destroy();
  }
}

/** `null` where nothing is compressed. */
function decompressorFor(coding: string): Transform | null {
  switch (coding) {
    case "identity":
      return null;
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    case "br":
      return createBrotliDecompress();
    case "zstd":
      return createZstdDecompress();
    default:
      throw new Error("a content coding that is not known");
  }
}
