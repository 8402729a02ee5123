import { Failure } from "./failure.ts";

/** A stored file. */
export interface Attachment {
  readonly type: string;
  readonly size: number;
  readonly chunks: readonly Uint8Array[];
}

/** The files of all tickets, in memory, at most `maxBytes` of them in total, uploads on their way included. */
export class Attachments {
  readonly #files = new Map<string, Attachment>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes;
  }

  get(portalId: string, ticketId: string, name: string): Attachment | undefined {
    return this.#files.get(key(portalId, ticketId, name));
  }

  /** The names of a ticket's stored files. */
  names(portalId: string, ticketId: string): readonly string[] {
    const start = key(portalId, ticketId, "");
    return [...this.#files.keys()].filter((name) => name.startsWith(start)).map((name) => name.slice(start.length));
  }

  /**
   * Takes a file chunk by chunk, and puts it in the place of an older one of that name once it is whole.
   * Throws a `Failure` with 413 where the bound is reached. Nothing stays of an upload that fails.
   */
  async put(
    [portalId, ticketId, name]: readonly [portalId: string, ticketId: string, name: string],
    type: string,
    source: AsyncIterable<Uint8Array>,
  ): Promise<{ readonly file: Attachment; readonly replaced: boolean }> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const chunk of source) {
        if (this.#bytes + chunk.length > this.#maxBytes) {
          throw new Failure(413, `attachments may take ${this.#maxBytes} bytes in total`);
        }
        size += chunk.length;
        this.#bytes += chunk.length;
        chunks.push(chunk);
      }
    } catch (error) {
      this.#bytes -= size;
      throw error;
    }
    const place = key(portalId, ticketId, name);
    const old = this.#files.get(place);
    if (old !== undefined) this.#bytes -= old.size;
    const file = { type, size, chunks };
    this.#files.set(place, file);
    return { file, replaced: old !== undefined };
  }

  /** Forgets the files of a ticket. */
  drop(portalId: string, ticketId: string): void {
    for (const name of this.names(portalId, ticketId)) {
      const place = key(portalId, ticketId, name);
      this.#bytes -= this.#files.get(place)?.size ?? 0;
      this.#files.delete(place);
    }
  }
}

const BLOCK = Uint8Array.from({ length: 65_536 }, (_, index) => (index * 31 + (index >> 8)) & 0xff);

/** `size` bytes made up on the way: the same 64 KiB over and over. Nothing is kept. */
export function* generatedBytes(size: number): Generator<Uint8Array> {
  for (let left = size; left > 0; left -= BLOCK.length) yield left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK;
}

/** NUL cannot stand in a portal id or a ticket id that exists, so no two files share a key. */
function key(portalId: string, ticketId: string, name: string): string {
  return `${portalId}\0${ticketId}\0${name}`;
}
