import { once } from "node:events";
import { connect } from "node:net";
import { expect } from "vitest";
import {
  type RawUpstream,
  type RawUpstreamOptions,
  type Respond,
  startRawUpstream,
} from "../../support/raw-upstream.ts";
import { type AuditLine, type Sidecar, type SidecarOptions, startSidecar } from "../../support/sidecar.ts";
import { type Message, statusOf, valuesOf, Wire } from "../../support/wire.ts";

/** The sidecar in front of a recording upstream, and the moves that attacks are made of. */
export interface Stage {
  readonly sidecar: Sidecar;
  readonly upstream: RawUpstream;
}

/** Stands in every attack; the upstream must never get a byte sequence that holds it. */
export const MARKER = "xsmuggledx";

/** What a refused attack must have led to. */
export interface Expected {
  readonly status: number;
  readonly code: string;
  /** The audit's reason, where it is finer than the code. */
  readonly reason?: string;
}

/** What came back to the client of an attack. */
export interface Outcome {
  readonly answer: Message;
  readonly code: string | null;
  readonly audit: AuditLine;
}

export async function openStage(
  options: Partial<SidecarOptions> & { readonly respond?: RawUpstreamOptions | Respond } = {},
): Promise<Stage> {
  const { respond, ...rest } = options;
  const upstream = await startRawUpstream(respond);
  return { upstream, sidecar: await startSidecar({ upstreamUrl: upstream.url, ...rest }) };
}

/** A raw connection to the public listener. */
export async function dial({ sidecar }: Pick<Stage, "sidecar">): Promise<Wire> {
  const socket = connect(sidecar.port, "127.0.0.1");
  socket.setNoDelay(true);
  const wire = new Wire(socket);
  await once(socket, "connect");
  return wire;
}

/** The bytes of a request; `lines` are the field lines after `Host`. */
export function request(startLine: string, lines: readonly string[] = [], body = ""): string {
  return `${[`${startLine} HTTP/1.1`, "Host: desk.example", ...lines].join("\r\n")}\r\n\r\n${body}`;
}

/** Sends one request on a connection of its own and takes its answer. */
export async function ask(stage: Pick<Stage, "sidecar">, bytes: string | Buffer, method = "GET"): Promise<Message> {
  const wire = await dial(stage);
  await wire.write(bytes);
  const answer = await wire.nextResponse(method);
  wire.socket.destroy();
  return answer;
}

let serial = 0;

/** A good request by another client: served, and so everything that came before it is in the recording. */
export async function expectServed(stage: Stage): Promise<void> {
  const path = `/open/good-${++serial}`;
  const answer = await ask(stage, request(`GET ${path}`));
  expect(statusOf(answer)).toBe(200);
  expect(stage.upstream.requests.at(-1)?.startLine).toBe(`GET ${path} HTTP/1.1`);
  await stage.sidecar.auditLine({ path });
}

/** Every byte that the upstream got, over all connections. */
export function recorded({ upstream }: Pick<Stage, "upstream">): string {
  return upstream.connections.map((wire) => wire.text).join("\n");
}

/** How often the marker stands in what the upstream got. */
export function leaks(stage: Pick<Stage, "upstream">): number {
  return recorded(stage).split(MARKER).length - 1;
}

/** The `code` of a problem of our own; `null` where the body is none. */
export function codeOf(answer: Message): string | null {
  if (!valuesOf(answer, "content-type").includes("application/problem+json")) return null;
  const problem: unknown = JSON.parse(answer.body.toString("utf8"));
  return typeof problem === "object" && problem !== null && "code" in problem ? String(problem.code) : null;
}

/** The one audit line of an answer, found by its request id. */
export async function auditOf(stage: Pick<Stage, "sidecar">, answer: Message): Promise<AuditLine> {
  const [id = ""] = valuesOf(answer, "x-request-id");
  const line = await stage.sidecar.auditLine({ request_id: id });
  expect(stage.sidecar.audit().filter((other) => other["request_id"] === id)).toHaveLength(1);
  return line;
}

/**
 * Sends an attack whose framing cannot be trusted: one answer, then the connection is closed; nothing of it
 * reaches the upstream; one audit line says why; the next client is served.
 */
export async function expectRefusedAndClosed(
  stage: Stage,
  attack: string | Buffer,
  expected: Expected,
): Promise<Outcome> {
  const before = await settledCounts(stage);
  const wire = await dial(stage);
  await wire.write(attack);
  const answer = await wire.nextResponse();
  await wire.end();
  wire.socket.destroy();
  expect(wire.text.match(/HTTP\/1\.[01] [0-9]{3}/g)).toHaveLength(1);
  return verify(stage, before, answer, expected);
}

/** Sends an attack that is well framed: refused, and nothing of it reaches the upstream. */
export async function expectRefused(
  stage: Stage,
  attack: string | Buffer,
  expected: Expected,
  method = "GET",
): Promise<Outcome> {
  const before = await settledCounts(stage);
  return verify(stage, before, await ask(stage, attack, method), expected);
}

interface Counts {
  readonly requests: number;
  readonly lines: number;
  readonly leaks: number;
}

/** The counts once the lines of requests that were answered before have been written. */
async function settledCounts(stage: Stage): Promise<Counts> {
  await expectServed(stage);
  return countsOf(stage);
}

function countsOf(stage: Stage): Counts {
  return { requests: stage.upstream.requests.length, lines: stage.sidecar.audit().length, leaks: leaks(stage) };
}

async function verify(stage: Stage, before: Counts, answer: Message, expected: Expected): Promise<Outcome> {
  const code = answer.body.length === 0 ? null : codeOf(answer);
  expect({ status: statusOf(answer), code }).toEqual({
    status: expected.status,
    code: answer.body.length === 0 ? null : expected.code,
  });
  const audit = await auditOf(stage, answer);
  expect(audit).toMatchObject({
    event: "request",
    decision: "deny",
    reason: expected.reason ?? expected.code,
    status: expected.status,
  });
  await expectServed(stage);
  // The attack and the good one; nothing else was taken for a request.
  expect(countsOf(stage)).toEqual({ requests: before.requests + 1, lines: before.lines + 2, leaks: before.leaks });
  return { answer, code, audit };
}
