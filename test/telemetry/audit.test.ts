import { spawn } from "node:child_process";
import { constants, createReadStream, existsSync, renameSync } from "node:fs";
import { type FileHandle, open, readFile, rename, stat, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { AuditLog } from "../../src/telemetry/audit.ts";
import { makeFifo, openAudit, readLines, readRequestIds, record, tempDir, until } from "./support.ts";

const ids = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `r-${from + i}`);

/** An audit log whose FIFO is full, so that a write has stopped within a line. All lines have one length. */
async function stalled(): Promise<{
  fifo: string;
  readEnd: FileHandle;
  audit: AuditLog;
  sent: number;
  bytes: number;
  /** What was read already. */
  taken: string;
}> {
  const fifo = join(await tempDir(), "audit.fifo");
  await makeFifo(fifo);
  const readEnd = await open(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  const audit = openAudit({ sinks: [{ file: fifo }], queueBytes: 100_000 });
  await audit.opened();
  audit.request(record({ requestId: "r-100000" }));
  const bytes = audit.queueBytes;
  let sent = 1;
  while (audit.admits()) {
    audit.request(record({ requestId: `r-${100_000 + sent++}` }));
    if (sent % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  let taken = "";
  // A write of 4096 bytes or less is taken whole or not at all (pipe(7)), so it may have stopped between two lines.
  // Then room for a page lets a longer one begin.
  await until(async () => {
    if ((sent * bytes - audit.queueBytes) % bytes !== 0) return true;
    const read = await readEnd.read(Buffer.alloc(4096), 0, 4096, null).catch(() => null);
    if (read !== null) taken += read.buffer.toString("latin1", 0, read.bytesRead);
    return false;
  });
  return { fifo, readEnd, audit, sent, bytes, taken };
}

/** What a non-blocking read end holds now. */
async function drain(readEnd: FileHandle): Promise<string> {
  let text = "";
  for (;;) {
    const read = await readEnd.read(Buffer.alloc(65_536), 0, 65_536, null).catch(() => null);
    if (read === null) return text;
    text += read.buffer.toString("latin1", 0, read.bytesRead);
  }
}

describe("audit file", () => {
  test("100,000 lines arrive in order, each whole", async () => {
    const file = join(await tempDir(), "deep", "er", "audit.ndjson");
    const audit = openAudit({ sinks: [{ file }], queueBytes: 1e9 });
    for (let i = 0; i < 100_000; i += 1) {
      audit.request(record({ requestId: `r-${i}`, path: `/\u00e9/${"p".repeat(i % 97)}` }));
      if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await audit.close();
    expect(await readRequestIds(file)).toEqual(ids(0, 100_000));
    expect(audit.queueBytes).toBe(0);
    expect(audit.lost).toBe(0);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test("queued bytes are counted exactly", async () => {
    const file = join(await tempDir(), "audit.ndjson");
    const audit = openAudit({ sinks: [{ file }] });
    audit.request(record({ path: "/\u00e9\u2028" }));
    audit.event({ event: "config", action: "rules.reload" });
    const queued = audit.queueBytes;
    await until(() => audit.queueBytes === 0);
    expect((await stat(file)).size).toBe(queued);
  });

  test("a line torn by a crash is never joined to a good one", async () => {
    const file = join(await tempDir(), "audit.ndjson");
    await writeFile(file, '{"ok":true}\n{"torn":"ye');
    const audit = openAudit({ sinks: [{ file }] });
    audit.request(record({ requestId: "after" }));
    await audit.close();
    const lines = await readLines(file);
    expect(lines.slice(0, 2)).toEqual(['{"ok":true}', '{"torn":"ye']);
    expect(JSON.parse(lines[2] ?? "").request_id).toBe("after");
  });

  test("a file that ends well gets no empty line", async () => {
    const file = join(await tempDir(), "audit.ndjson");
    await writeFile(file, '{"request_id":"before"}\n');
    const audit = openAudit({ sinks: [{ file }] });
    audit.request(record({ requestId: "after" }));
    await audit.close();
    expect(await readRequestIds(file)).toEqual(["before", "after"]);
  });

  test("rotation by rename and reopen loses and doubles nothing, under load", async () => {
    const dir = await tempDir();
    const file = join(dir, "audit.ndjson");
    const audit = openAudit({ sinks: [{ file }], queueBytes: 1e9 });
    await audit.opened();
    let next = 0;
    for (let round = 0; round < 5; round += 1) {
      for (let batch = 0; batch < 20; batch += 1) {
        for (let i = 0; i < 50; i += 1) audit.request(record({ requestId: `r-${next++}` }));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await rename(file, `${file}.${round}`);
      for (let i = 0; i < 500; i += 1) audit.request(record({ requestId: `r-${next++}` }));
      await audit.reopen();
    }
    await audit.close();
    const files = [...Array.from({ length: 5 }, (_, round) => `${file}.${round}`), file];
    const parts = await Promise.all(files.map(readRequestIds));
    expect(parts.flat()).toEqual(ids(0, next));
    expect(parts.slice(0, 5).every((part) => part.length > 0)).toBe(true);
  });
});

test("a wish to reopen that comes while the file is being opened is not lost", async () => {
  const dir = await tempDir();
  const file = join(dir, "audit.ndjson");
  const audit = openAudit({ sinks: [{ file }] });
  await audit.opened();
  // The rename is put at every point of the open that is under way.
  for (let turns = 0; turns < 300; turns += 1) {
    const first = audit.reopen();
    for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    renameSync(file, `${file}.old`);
    await audit.reopen();
    expect(existsSync(file)).toBe(true);
    await first;
  }
});

describe("a sink that fails", () => {
  test("a full disk refuses, keeps the lines, and gives them once when there is room again", async () => {
    const dir = await tempDir();
    const file = join(dir, "audit.ndjson");
    await symlink("/dev/full", file);
    const audit = openAudit({ sinks: [{ file }] });
    await audit.opened();
    expect(audit.admits()).toBe(true);
    for (const requestId of ids(0, 100)) audit.request(record({ requestId }));
    const queued = audit.queueBytes;
    await until(() => !audit.admits());
    for (const requestId of ids(100, 200)) audit.request(record({ requestId, decision: "deny" }));
    expect(audit.queueBytes).toBeGreaterThan(queued);
    expect(audit.lost).toBe(0);

    await unlink(file);
    await until(() => audit.admits() && audit.queueBytes === 0);
    audit.request(record({ requestId: "r-200" }));
    await audit.close();
    expect(await readRequestIds(file)).toEqual(ids(0, 201));
  });

  test("while the disk stays full, lines of refusals stay within the bound; lines of allowed requests are all kept", async () => {
    const dir = await tempDir();
    const file = join(dir, "audit.ndjson");
    await symlink("/dev/full", file);
    const queueBytes = 20_000;
    const audit = openAudit({ sinks: [{ file }], queueBytes });
    for (let i = 0; i < 500; i += 1) audit.request(record({ decision: "deny", reason: "audit_unavailable" }));
    expect(audit.queueBytes).toBeLessThanOrEqual(queueBytes);
    const dropped = audit.lost;
    expect(dropped).toBeGreaterThan(400);
    for (const requestId of ids(0, 50)) audit.request(record({ requestId }));
    expect(audit.lost).toBe(dropped);
    await until(() => !audit.admits());
    await unlink(file);
    await until(() => audit.admits() && audit.queueBytes === 0);
    expect((await readRequestIds(file)).slice(-50)).toEqual(ids(0, 50));
  });

  test("when_full drop: a full disk refuses nobody; lines beyond the bound are dropped and counted", async () => {
    const dir = await tempDir();
    const file = join(dir, "audit.ndjson");
    await symlink("/dev/full", file);
    const audit = openAudit({ sinks: [{ file }], whenFull: "drop", queueBytes: 20_000 });
    for (const requestId of ids(0, 500)) audit.request(record({ requestId }));
    expect(audit.admits()).toBe(true);
    expect(audit.queueBytes).toBeLessThanOrEqual(20_000);
    await unlink(file);
    await until(() => audit.queueBytes === 0);
    const written = await readRequestIds(file);
    expect(written).toEqual(ids(0, written.length));
    expect(written.length + audit.lost).toBe(500);
  });

  test("one failing sink of two refuses, and the other one still gets its lines", async () => {
    const dir = await tempDir();
    const good = join(dir, "good.ndjson");
    const audit = openAudit({ sinks: [{ file: good }, { file: "/dev/full" }], closeMs: 50 });
    audit.request(record({ requestId: "r-0" }));
    await until(async () => !audit.admits() && (await stat(good).catch(() => null))?.size === audit.queueBytes);
    expect(await readRequestIds(good)).toEqual(["r-0"]);
  });

  test("a file that cannot be opened refuses before any line, and recovers", async () => {
    const dir = await tempDir();
    const file = join(dir, "audit.ndjson");
    await symlink(dir, file);
    const audit = openAudit({ sinks: [{ file }] });
    await audit.opened();
    expect(audit.admits()).toBe(false);
    await unlink(file);
    await until(() => audit.admits());
  });

  test("close is bounded while a sink fails, and what is left counts as lost", async () => {
    const audit = openAudit({ sinks: [{ file: "/dev/full" }], closeMs: 60 });
    for (const requestId of ids(0, 7)) audit.request(record({ requestId }));
    const start = performance.now();
    await audit.close();
    expect(performance.now() - start).toBeLessThan(2000);
    expect(audit.lost).toBe(7);
    expect(audit.admits()).toBe(false);
    audit.request(record());
    expect(audit.lost).toBe(8);
  });

  test("a FIFO without a reader refuses; once read, everything comes in order", async () => {
    const fifo = join(await tempDir(), "audit.fifo");
    await makeFifo(fifo);
    const audit = openAudit({ sinks: [{ file: fifo }] });
    await audit.opened();
    expect(audit.admits()).toBe(false);
    for (const requestId of ids(0, 1000)) audit.request(record({ requestId, decision: "deny" }));
    const reader = createReadStream(fifo, "utf8");
    let text = "";
    reader.on("data", (chunk) => {
      text += chunk.toString();
    });
    await until(() => audit.queueBytes === 0 && audit.admits());
    await until(() => text.split("\n").length === 1001);
    reader.destroy();
    const lines = text.split("\n").slice(0, -1);
    expect(lines.map((line) => JSON.parse(line).request_id)).toEqual(ids(0, 1000));
  });

  test("a reader who stalls fills the queue: refused while full, admitted once read", async () => {
    const fifo = join(await tempDir(), "audit.fifo");
    await makeFifo(fifo);
    const readEnd = await open(fifo, constants.O_RDWR | constants.O_NONBLOCK);
    const audit = openAudit({ sinks: [{ file: fifo }], queueBytes: 100_000 });
    await audit.opened();
    let sent = 0;
    while (audit.admits()) {
      audit.request(record({ requestId: `r-${sent++}` }));
      if (sent % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(audit.queueBytes).toBeGreaterThanOrEqual(100_000);
    let text = "";
    await until(async () => {
      text += await drain(readEnd);
      return audit.queueBytes === 0;
    });
    text += await drain(readEnd);
    await readEnd.close();
    expect(audit.admits()).toBe(true);
    expect(
      text
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line).request_id),
    ).toEqual(ids(0, sent));
  });
});

describe("a line that is half written", () => {
  test("rotation finishes the line in the old file", async () => {
    const { fifo, readEnd, audit, sent, bytes, taken } = await stalled();
    await rename(fifo, `${fifo}.old`);
    let done = false;
    const reopened = audit.reopen().finally(() => {
      done = true;
    });
    let old = taken;
    await until(async () => {
      old += await drain(readEnd);
      return done;
    });
    await reopened;
    old += await drain(readEnd);
    expect(old.length % bytes).toBe(0);
    await audit.close();
    await readEnd.close();
    const oldIds: unknown[] = old
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line).request_id);
    expect([...oldIds, ...(await readRequestIds(fifo))]).toEqual(ids(100_000, 100_000 + sent));
  });

  test("where the old file fails for good, the new one gets the whole line", async () => {
    const { fifo, readEnd, audit, sent, bytes } = await stalled();
    await unlink(fifo);
    await readEnd.close();
    await until(() => audit.queueBytes === 0);
    const whole = (sent * bytes - (await stat(fifo)).size) / bytes;
    expect(whole).toBeGreaterThan(0);
    expect(await readRequestIds(fifo)).toEqual(ids(100_000 + whole, 100_000 + sent));
  });
});

describe("standard output", () => {
  const script = join(import.meta.dirname, "stdout-sink.ts");

  test("lines go to standard output", async () => {
    const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(code).toBe(0);
    expect(
      text
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line).request_id),
    ).toEqual(ids(0, 1000));
  });

  test("a reader who goes away makes the sink fail and leaves the process alive", async () => {
    const child = spawn(process.execPath, [script, "--await-failure"], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    let verdict = "";
    child.stderr.on("data", (chunk: Buffer) => {
      verdict += chunk.toString();
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(verdict).toContain("refuses");
    expect(code).toBe(0);
  });

  test("a reader who stalls makes the sink full; the process goes on and can exit", async () => {
    const fifo = join(await tempDir(), "stdout.fifo");
    await makeFifo(fifo);
    const readEnd = await open(fifo, constants.O_RDWR | constants.O_NONBLOCK);
    const child = spawn(process.execPath, [script, "--await-failure"], { stdio: ["ignore", readEnd.fd, "pipe"] });
    let verdict = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      verdict += chunk.toString();
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    await readEnd.close();
    expect(verdict).toContain("refuses");
    expect(code).toBe(0);
  });

  test("a file as standard output keeps what others wrote there", async () => {
    const file = join(await tempDir(), "out");
    const handle = await open(file, "w");
    const child = spawn(process.execPath, [script, "--greet"], { stdio: ["ignore", handle.fd, "inherit"] });
    const code = await new Promise((resolve) => child.on("close", resolve));
    await handle.close();
    expect(code).toBe(0);
    const lines = (await readFile(file, "utf8")).split("\n").slice(0, -1);
    expect(lines[0]).toBe("listening");
    expect(lines.slice(1).map((line) => JSON.parse(line).request_id)).toEqual(ids(0, 1000));
  });
});
