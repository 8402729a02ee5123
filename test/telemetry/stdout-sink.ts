/** Run by audit.test.ts as a process of its own: an audit log on standard output. */
import { systemClock } from "../../src/core/clock.ts";
import type { RequestRecord } from "../../src/telemetry/audit-record.ts";
import { createAuditLog } from "../../src/telemetry/audit.ts";
import { silentLog } from "../../src/telemetry/log.ts";

if (process.argv.includes("--greet")) process.stdout.write("listening\n");
const audit = createAuditLog({
  sinks: [{ stdout: true }],
  whenFull: "refuse",
  queueBytes: 2e6,
  instance: "child",
  log: silentLog(),
  clock: systemClock,
  retryMs: 20,
  closeMs: process.argv.includes("--await-failure") ? 100 : 5000,
});

function line(requestId: string): RequestRecord {
  return {
    event: "request",
    requestId,
    traceId: null,
    clientIp: "192.0.2.1",
    method: "GET",
    host: "h",
    path: "/",
    routeId: null,
    rulesHash: "x",
    principal: null,
    portalNamed: null,
    scopesNeeded: "",
    decision: "allow",
    reason: "allowed",
    detail: null,
    status: 200,
    bytesIn: 0,
    bytesOut: 0,
    durationMs: 0,
    upstreamMs: null,
  };
}

if (process.argv.includes("--await-failure")) {
  const end = performance.now() + 10_000;
  while (audit.admits() && performance.now() < end) {
    for (let i = 0; i < 1000; i += 1) audit.request(line("r"));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  process.stderr.write(audit.admits() ? "admits\n" : "refuses\n");
} else {
  for (let i = 0; i < 1000; i += 1) audit.request(line(`r-${i}`));
}
await audit.close();
