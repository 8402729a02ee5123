import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { type RawUpstream, startRawUpstream } from "../support/raw-upstream.ts";
import { startSidecar } from "../support/sidecar.ts";
import { tempFolder } from "../support/temp.ts";
import { statusOf } from "../support/wire.ts";
import { ask, codeOf, connectTo, head } from "./client.ts";

const run = promisify(execFile);
const folder = tempFolder();
const file = (name: string): string => join(folder, name);

async function openssl(...args: string[]): Promise<void> {
  await run("openssl", args, { cwd: folder });
}

async function authority(name: string): Promise<void> {
  const subject = ["-subj", `/CN=${name}`, "-addext", "basicConstraints=critical,CA:TRUE"];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", `${name}.key`];
  await openssl("req", "-x509", ...key, "-out", `${name}.crt`, "-days", "2", ...subject);
}

async function certificate(name: string, alternative: string, ca: string): Promise<void> {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", `${name}.key`];
  await openssl("req", ...key, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
  writeFileSync(file(`${name}.ext`), `subjectAltName=${alternative}\n`);
  const signer = ["-CA", `${ca}.crt`, "-CAkey", `${ca}.key`, "-CAcreateserial", "-extfile", `${name}.ext`];
  await openssl("x509", "-req", "-in", `${name}.csr`, "-out", `${name}.crt`, "-days", "2", ...signer);
}

beforeAll(async () => {
  await Promise.all([authority("ca"), authority("other")]);
  await certificate("server", "DNS:desk.internal,IP:127.0.0.1", "ca");
  await certificate("named", "DNS:desk.internal", "ca");
  await certificate("client", "DNS:portcullis", "ca");
});

function startTls(name: string, demand: { ca: Buffer; requestCert: true; rejectUnauthorized: true } | null = null) {
  const tls = { cert: readFileSync(file(`${name}.crt`)), key: readFileSync(file(`${name}.key`)), ...demand };
  return startRawUpstream({ tls });
}

async function through(upstream: RawUpstream, tls: Readonly<Record<string, string>>): Promise<[number, unknown]> {
  const sidecar = await startSidecar({ upstreamUrl: upstream.url, upstream: { tls } });
  const response = await ask(sidecar, head("GET /open/x"));
  const status = statusOf(response);
  return [status, status === 200 ? response.body.toString() : codeOf(response)];
}

test("a certificate of a private authority is verified, by address and by name", async () => {
  const server = await startTls("server");
  expect(await through(server, { ca: file("ca.crt") })).toEqual([200, "ok"]);
  expect(await through(server, { ca: file("ca.crt"), server_name: "desk.internal" })).toEqual([200, "ok"]);
});

test("a certificate of another authority is refused, and nothing is sent", async () => {
  const upstream = await startTls("server");
  expect(await through(upstream, { ca: file("other.crt") })).toEqual([502, "upstream_unreachable"]);
  expect(await through(upstream, {})).toEqual([502, "upstream_unreachable"]);
  expect(upstream.requests).toHaveLength(0);
});

test("a certificate for another name is refused, and nothing is sent", async () => {
  const upstream = await startTls("named");
  expect(await through(upstream, { ca: file("ca.crt") })).toEqual([502, "upstream_unreachable"]);
  expect(await through(upstream, { ca: file("ca.crt"), server_name: "x.internal" })).toEqual([
    502,
    "upstream_unreachable",
  ]);
  expect(upstream.requests).toHaveLength(0);
  expect(await through(upstream, { ca: file("ca.crt"), server_name: "desk.internal" })).toEqual([200, "ok"]);
});

const LIVE = "GET /open/live HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/** The status of an upgrade to an upstream with the certificate, asked for under `host`, and whether it got there. */
async function upgrade(name: string, host: string, serverName?: string): Promise<[number, boolean]> {
  const tls = { cert: readFileSync(file(`${name}.crt`)), key: readFileSync(file(`${name}.key`)) };
  const upstream = await startRawUpstream({
    tls,
    connection: async (wire) => {
      await wire.head();
      await wire.write(SWITCH);
    },
  });
  const trust = { ca: file("ca.crt"), ...(serverName === undefined ? {} : { server_name: serverName }) };
  const sidecar = await startSidecar({ upstreamUrl: upstream.url, upstream: { tls: trust } });
  const wire = await connectTo(sidecar);
  await wire.write(
    `${LIVE}Host: ${host}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  );
  const status = Number((await wire.head()).split(" ")[1]);
  return [status, upstream.connections.some(({ text }) => text !== "")];
}

test("an upgrade verifies the upstream's certificate as the rules say, whatever Host the client sends", async () => {
  expect(await upgrade("server", "elsewhere.example")).toEqual([101, true]);
  expect(await upgrade("named", "elsewhere.example", "desk.internal")).toEqual([101, true]);
  expect(await upgrade("named", "desk.internal")).toEqual([502, false]);
  expect(await upgrade("named", "desk.internal", "x.internal")).toEqual([502, false]);
});

test("a client certificate is given where the upstream demands one", async () => {
  const upstream = await startTls("server", {
    ca: readFileSync(file("ca.crt")),
    requestCert: true,
    rejectUnauthorized: true,
  });
  const given = { ca: file("ca.crt"), cert: file("client.crt"), key: file("client.key") };
  expect(await through(upstream, given)).toEqual([200, "ok"]);
  expect((await through(upstream, { ca: file("ca.crt") }))[0]).toBe(502);
  expect(upstream.requests).toHaveLength(1);
});

test("a sidecar that serves TLS says so to the upstream", async () => {
  const upstream = await startRawUpstream();
  const tls = { cert: file("server.crt"), key: file("server.key") };
  const listen = { public: { address: "127.0.0.1:0", tls }, admin: { address: "127.0.0.1:0" } };
  const sidecar = await startSidecar({ upstreamUrl: upstream.url, config: { listen } });
  const { stdout } = await run("curl", ["-sS", "--cacert", file("ca.crt"), `${sidecar.url}/open/x`]);
  expect(stdout).toBe("ok");
  const request = await upstream.request(0);
  expect(request.head).toContain("X-Forwarded-Proto: https\r\n");
});
