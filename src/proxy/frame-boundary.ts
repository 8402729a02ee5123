/** The longest head of a frame: two bytes, a length of eight, a mask of four. */
const LONGEST_HEAD = 14;

/**
 * Follows the frames of one direction of a WebSocket (RFC 6455 §5.2), to know when it stands between two of them: only
 * there a frame of our own can be put in. It looks at heads alone, and never changes what passes.
 */
export class FrameBoundary {
  readonly #head = Buffer.alloc(LONGEST_HEAD);
  #headLength = 0;
  /** Of the payload, bytes that are still to come. */
  #left = 0;

  /** True where every frame that began has ended. */
  get between(): boolean {
    return this.#headLength === 0 && this.#left === 0;
  }

  /** Takes the next bytes. */
  take(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left > 0) {
        const skipped = Math.min(this.#left, bytes.length - at);
        this.#left -= skipped;
        at += skipped;
      } else {
        this.#head[this.#headLength++] = bytes[at++] ?? 0;
        if (this.#headLength >= 2 && this.#headLength === this.#wholeHead()) this.#begin();
      }
    }
  }

  #wholeHead(): number {
    const second = this.#head.readUInt8(1);
    const length = second & 0x7f;
    return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (second & 0x80 ? 4 : 0);
  }

  #begin(): void {
    const length = this.#head.readUInt8(1) & 0x7f;
    if (length === 126) this.#left = this.#head.readUInt16BE(2);
    else this.#left = length === 127 ? Number(this.#head.readBigUInt64BE(2)) : length;
    this.#headLength = 0;
  }
}

/** A close frame of a server: final, unmasked, with the code (RFC 6455 §7.4.1). */
export function closeFrame(code: number): Buffer {
  return Buffer.from([0x88, 2, code >> 8, code & 0xff]);
}
