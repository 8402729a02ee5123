import { array, assert, boolean, constantFrom, nat, property, tuple } from "fast-check";
import { expect, test } from "vitest";
import { closeFrame, FrameBoundary } from "../../src/proxy/frame-boundary.ts";

/** A frame with a payload of that length. */
function frame(length: number, masked: boolean): Buffer {
  const mask = masked ? 0x80 : 0;
  const tail = Buffer.alloc((masked ? 4 : 0) + length, 0xff);
  if (length < 126) return Buffer.concat([Buffer.from([0x82, mask | length]), tail]);
  const long = Buffer.alloc(length < 65_536 ? 4 : 10);
  long[0] = 0x82;
  long[1] = mask | (length < 65_536 ? 126 : 127);
  if (length < 65_536) long.writeUInt16BE(length, 2);
  else long.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([long, tail]);
}

const lengths = constantFrom(0, 1, 2, 125, 126, 127, 300, 65_535, 65_536, 70_000);

test("is between frames exactly at their ends, however the bytes are cut", () => {
  const frames = array(tuple(lengths, boolean()), { minLength: 1, maxLength: 6 });
  assert(
    property(frames, array(nat(200_000), { maxLength: 20 }), (wished, cuts) => {
      const all = wished.map(([length, masked]) => frame(length, masked));
      const bytes = Buffer.concat(all);
      const ends = new Set<number>([0]);
      let end = 0;
      for (const each of all) ends.add((end += each.length));
      const boundary = new FrameBoundary();
      let at = 0;
      for (const cut of [...cuts.filter((place) => place <= bytes.length).toSorted((a, b) => a - b), bytes.length]) {
        boundary.take(bytes.subarray(at, cut));
        at = cut;
        expect(boundary.between).toBe(ends.has(at));
      }
    }),
  );
});

test("a close frame is final, unmasked and carries its code", () => {
  expect(closeFrame(1008)).toEqual(Buffer.from([0x88, 0x02, 0x03, 0xf0]));
  const boundary = new FrameBoundary();
  boundary.take(closeFrame(1008));
  expect(boundary.between).toBe(true);
});
