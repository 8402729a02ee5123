import { execFile } from "node:child_process";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { followCertificate, type TlsFiles } from "../../src/app/certificates.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { tempFolder } from "../support/temp.ts";

const made = tempFolder();
const told = { log: silentLog(), metrics: { configReload: () => undefined } };
let files: TlsFiles;

async function makeCertificate(name: string): Promise<void> {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", `${name}.key`];
  const args = ["req", "-x509", ...key, "-out", `${name}.crt`, "-days", "2", "-subj", `/CN=${name}`];
  await promisify(execFile)("openssl", args, { cwd: made });
}

function put(name: string): void {
  copyFileSync(join(made, `${name}.crt`), files.cert);
  copyFileSync(join(made, `${name}.key`), files.key);
}

const certificateNamed = (name: string): Buffer => readFileSync(join(made, `${name}.crt`));

beforeAll(() => Promise.all([makeCertificate("one"), makeCertificate("two")]));
beforeEach(() => {
  const folder = tempFolder();
  files = { cert: join(folder, "tls.crt"), key: join(folder, "tls.key") };
});

test("a certificate that is replaced before its listener is there is taken", async () => {
  put("one");
  const certificate = await followCertificate(files, told);
  onTestFinished(() => certificate.close());
  expect(certificate.current().cert).toEqual(certificateNamed("one"));
  put("two");
  await vi.waitFor(() => expect(certificate.current().cert).toEqual(certificateNamed("two")), { timeout: 5000 });
  const taken: Buffer[] = [];
  certificate.use(({ cert }) => taken.push(cert));
  expect(taken).toEqual([certificateNamed("two")]);
  put("one");
  await vi.waitFor(() => expect(taken.at(-1)).toEqual(certificateNamed("one")), { timeout: 5000 });
});

test("files that do not go together are refused at first, and later leave the old ones in use", async () => {
  put("one");
  copyFileSync(join(made, "two.key"), files.key);
  await expect(followCertificate(files, told)).rejects.toThrow(files.key);
  put("one");
  const certificate = await followCertificate(files, told);
  onTestFinished(() => certificate.close());
  copyFileSync(join(made, "two.key"), files.key);
  expect(await certificate.reload()).toBe(false);
  expect(certificate.current().cert).toEqual(certificateNamed("one"));
});
