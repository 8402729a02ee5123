import { execFile } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { connect } from "node:tls";
import { promisify } from "node:util";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { spawnPortcullis, stop, waitForLine } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { type Installation, install, type Sidecar, startUpstream, ticketRules } from "./support.ts";

const made = tempFolder();
let upstream: string;
let at: Installation;
let sidecar: Sidecar | null = null;

async function makeCertificate(name: string): Promise<void> {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", `${name}.key`];
  const args = ["req", "-x509", ...key, "-out", `${name}.crt`, "-days", "2", "-subj", `/CN=${name}`];
  await promisify(execFile)("openssl", [...args, "-addext", "subjectAltName=IP:127.0.0.1"], { cwd: made });
}

/** Puts a certificate where the sidecar reads it, one file after the other, as a renewal does. */
function use(name: string): void {
  for (const kind of ["key", "crt"]) {
    copyFileSync(join(made, `${name}.${kind}`), join(at.folder, `new.${kind}`));
    renameSync(join(at.folder, `new.${kind}`), join(at.folder, `tls.${kind}`));
  }
}

beforeAll(async () => {
  await Promise.all([makeCertificate("one"), makeCertificate("two")]);
  upstream = await startUpstream((_request, response) => response.end("up"));
});
afterEach(async () => {
  if (sidecar !== null) await stop(sidecar.process);
  sidecar = null;
});

function installWithTls(): void {
  at = install({ rules: ticketRules(upstream) });
  const listener = `{ address: "127.0.0.1:0", tls: { cert: ./tls.crt, key: ./tls.key } }`;
  const text = readFileSync(at.config, "utf8").replaceAll('{ address: "127.0.0.1:0" }', listener);
  writeFileSync(at.config, text);
  use("one");
}

async function serve(): Promise<Sidecar> {
  installWithTls();
  sidecar = await at.serve();
  return sidecar;
}

/** Whose certificate a new connection is shown. */
async function nameAt(url: string): Promise<string | readonly string[] | undefined> {
  const socket = connect({ host: "127.0.0.1", port: Number(new URL(url).port), rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return CN;
}

/** Connects until each listener shows the certificate; the test's time-out is the bound. */
async function untilNamed(name: string, ...urls: readonly string[]): Promise<void> {
  for (const url of urls) while ((await nameAt(url)) !== name);
}

/** Status of a `GET` over a connection of its own whose certificate is verified. */
async function statusAt(url: string, authority: string): Promise<number | undefined> {
  const sent = request(url, { ca: readFileSync(join(made, `${authority}.crt`)), agent: false });
  sent.end();
  const [response] = await once(sent, "response");
  response.resume();
  await once(response, "end");
  return response.statusCode;
}

const RELOADED = (text: string): boolean => text.includes('"certificate reloaded"');
const REFUSED = (text: string): boolean => text.includes('"new certificate refused, the old one stays"');

describe("listeners with `tls`", () => {
  test("serve HTTPS, the admin listener too, and nothing in the clear", async () => {
    const { url, adminUrl } = await serve();
    expect([url, adminUrl].map((each) => new URL(each).protocol)).toEqual(["https:", "https:"]);
    expect(await statusAt(`${url}/status`, "one")).toBe(200);
    expect(await statusAt(`${url}/tickets/acme`, "one")).toBe(401);
    expect(await statusAt(`${adminUrl}/readyz`, "one")).toBe(200);
    for (const each of [url, adminUrl]) {
      await expect(fetch(each.replace("https:", "http:"))).rejects.toThrow("fetch failed");
    }
  });

  test("take a renewed certificate without a restart", async () => {
    const { process, url, adminUrl } = await serve();
    use("two");
    await waitForLine(process, RELOADED);
    await untilNamed("two", url, adminUrl);
    expect(await statusAt(`${url}/status`, "two")).toBe(200);
    await expect(statusAt(`${url}/status`, "one")).rejects.toThrow(/certificate/);
  });

  test("keep the old one where the new one cannot be used, and take a right one later", async () => {
    const { process, url, adminUrl } = await serve();
    writeFileSync(join(at.folder, "tls.crt"), "nonsense");
    await waitForLine(process, REFUSED);
    expect([await nameAt(url), await nameAt(adminUrl)]).toEqual(["one", "one"]);
    use("two");
    process.child.kill("SIGHUP");
    await untilNamed("two", url, adminUrl);
  });
});

test.each([
  ["is missing", (): void => rmSync(join(at.folder, "tls.key")), "ENOENT"],
  [
    "is of another certificate",
    (): void => copyFileSync(join(made, "two.key"), join(at.folder, "tls.key")),
    "mismatch",
  ],
])("a start whose key %s ends with exit 1 and names the files", async (_what, spoil, reason) => {
  installWithTls();
  spoil();
  const started = spawnPortcullis(["serve", "--config", at.config]);
  expect(await started.exited).toEqual({ code: 1, signal: null });
  expect(started.stderr()).toContain(`the certificate ${join(at.folder, "tls.crt")}`);
  expect(started.stderr()).toContain(reason);
  expect(started.stderr()).not.toContain("    at ");
});
