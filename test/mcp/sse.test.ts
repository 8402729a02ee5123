import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sseData, SseSplitter, withSseData } from "../../src/mcp/sse.ts";

const EVENT_ENDS = ["\n\n", "\r\n\r\n", "\r\r", "\n\r\n", "\r\n\n", "\n\r", "\r\n\r"] as const;

function split(chunks: readonly Buffer[], limit = 1000): Buffer[] {
  const splitter = new SseSplitter(limit);
  return chunks.flatMap((chunk) => [...splitter.push(chunk)]);
}

describe("SseSplitter", () => {
  it("finds the same events wherever the stream is cut, and loses no byte", () => {
    const event = fc.tuple(fc.constantFrom("data: a", "data", ": c", "id: 1\ndata: é"), fc.constantFrom(...EVENT_ENDS));
    fc.assert(
      fc.property(fc.array(event, { minLength: 1 }), fc.array(fc.nat({ max: 200 })), (parts, cuts) => {
        const bytes = Buffer.from(parts.map(([text, end]) => text + end).join(""));
        const places = [0, ...cuts.map((cut) => cut % bytes.length).toSorted((a, b) => a - b), bytes.length];
        const chunks = places.slice(1).map((place, index) => bytes.subarray(places[index], place));
        const events = split(chunks);
        expect(events.map(sseData)).toEqual(split([bytes]).map(sseData));
        expect(events.map(sseData)).toEqual(parts.map(([text]) => DATA[text]));
        // An LF that came too late for its event stands before the next one, or waits.
        expect(bytes.subarray(0, Buffer.concat(events).length)).toEqual(Buffer.concat(events));
        expect(bytes.length - Buffer.concat(events).length).toBeLessThanOrEqual(1);
      }),
    );
  });

  it.each(EVENT_ENDS)("hands an event on at once when it ends in %j", (end) => {
    expect(split([Buffer.from(`data: a${end}`)]).map(String)).toEqual([`data: a${end}`]);
  });

  it("holds no more than the limit, whatever the size of the chunks", () => {
    const bytes = Buffer.from(`data: ${"x".repeat(92)}\n\n`);
    const each = Array.from(bytes, (byte) => Buffer.of(byte));
    expect(split(each, 100)).toHaveLength(1);
    expect(() => split([Buffer.from("y"), ...each], 100)).toThrow(RangeError);
    expect(() => split([Buffer.alloc(101, "x")], 100)).toThrow(RangeError);
    expect(split([Buffer.from("data: 1\n\n".repeat(50))], 100)).toHaveLength(50);
  });

  it("takes an event of 8 MiB in small chunks without going over it again and again", () => {
    const chunk = Buffer.alloc(1024, "x");
    const splitter = new SseSplitter(9 * 1024 * 1024);
    const before = process.cpuUsage().user;
    for (let sent = 0; sent < 8 * 1024; sent++) expect(splitter.push(chunk)).toHaveLength(0);
    expect(splitter.push(Buffer.from("\n\n"))).toHaveLength(1);
    expect((process.cpuUsage().user - before) / 1e6).toBeLessThan(2);
  });
});

const DATA: Readonly<Record<string, string | null>> = {
  "data: a": "a",
  data: "",
  ": c": null,
  "id: 1\ndata: é": "é",
};

describe("withSseData", () => {
  it("keeps all fields but the data", () => {
    const event = Buffer.from("id: 7\r\nevent: message\r\nretry: 5\r\ndata: a\r\ndata:b\r\ndata\r\n: note\r\n\r\n");
    expect(sseData(event)).toBe("a\nb\n");
    expect(withSseData(event, "{}").toString()).toBe("id: 7\nevent: message\nretry: 5\n: note\ndata: {}\n\n");
  });
});
