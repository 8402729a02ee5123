import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import type { RequestRecord } from "../../src/telemetry/audit-record.ts";
import { type AuditLog, type AuditOptions, createAuditLog } from "../../src/telemetry/audit.ts";
import { silentLog } from "../../src/telemetry/log.ts";

/** A folder that goes away after the test. */
export async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "portcullis-telemetry-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

export function openAudit(options: Partial<AuditOptions> & Pick<AuditOptions, "sinks">): AuditLog {
  const audit = createAuditLog({
    whenFull: "refuse",
    queueBytes: 1024 * 1024,
    instance: "test-1",
    log: silentLog(),
    clock: systemClock,
    retryMs: 20,
    closeMs: 5000,
    ...options,
  });
  onTestFinished(() => audit.close());
  return audit;
}

export function record(over: Partial<RequestRecord> = {}): RequestRecord {
  return {
    event: "request",
    requestId: "r-1",
    traceId: null,
    clientIp: "192.0.2.1",
    method: "GET",
    host: "desk.example.com",
    path: "/api/portals/acme/tickets",
    routeId: "tickets.read",
    rulesHash: "abc123",
    principal: {
      credentialId: "key_0123456789abcdef",
      kind: "api_key",
      subject: "svc",
      clientId: null,
      scopesText: "tickets:read tickets:write",
      portal: "acme",
    },
    portalNamed: "acme",
    scopesNeeded: "tickets:read",
    decision: "allow",
    reason: "allowed",
    detail: null,
    status: 200,
    bytesIn: 0,
    bytesOut: 120,
    durationMs: 1.25,
    upstreamMs: 1,
    ...over,
  };
}

/** The lines of a file, each of which must be whole. */
export async function readLines(file: string): Promise<string[]> {
  const text = await readFile(file, "utf8");
  if (text !== "" && !text.endsWith("\n")) throw new Error("the last line is torn");
  return text.split("\n").slice(0, -1);
}

export async function readRequestIds(file: string): Promise<unknown[]> {
  return (await readLines(file)).map((line) => JSON.parse(line).request_id);
}

/** Waits until something holds; it is looked at often and for 10 s at most. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error("it never came true");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export async function makeFifo(path: string): Promise<void> {
  await promisify(execFile)("mkfifo", [path]);
}
