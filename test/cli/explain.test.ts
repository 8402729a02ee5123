import { closeSync, openSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { createKey } from "../../src/credentials/key-format.ts";
import { type Installation, install, type Ran, RULE_LINES, run } from "./terminal.ts";

interface TestKey {
  readonly id: string;
  readonly key: string;
}

const TICKETS = "/api/portals/acme/tickets";

let at: Installation;
let reader: TestKey;
let acme: TestKey;
let writer: TestKey;
let revoked: TestKey;

async function create(...args: readonly string[]): Promise<TestKey> {
  const { id, key } = JSON.parse((await at.run(["keys", "create", "--name", "x", "--json", ...args])).out);
  return { id, key };
}

beforeAll(async () => {
  at = install();
  reader = await create("--scope", "tickets:read");
  acme = await create("--scope", "tickets:read", "--portal", "acme");
  writer = await create("--scope", "tickets:write", "--portal", "acme");
  revoked = await create("--scope", "tickets:read");
  await at.run(["keys", "revoke", revoked.id]);
});

const explain = (...args: readonly string[]): Promise<Ran> => at.run(["explain", ...args]);
const where = (rule: keyof typeof RULE_LINES): string => `(${at.rules}:${RULE_LINES[rule]})`;

/** The line of a step, such as `✗ scopes     needs …  (rules.yaml:9)`. */
function stepOf({ out }: Ran, step: string): string {
  return out.split("\n").find((line) => line.slice(2).startsWith(step)) ?? "";
}

/** The steps that failed, the one that decided first. */
function failed({ out }: Ran): readonly string[] {
  return out.split("\n").filter((line) => line.startsWith("✗"));
}

describe("portcullis explain", () => {
  test("allows a key with its scope at its portal, and names the rule's file and line", async () => {
    const ran = await explain("--key", acme.key, "GET", TICKETS);
    expect([ran.code, ran.error]).toEqual([0, ""]);
    expect(failed(ran)).toEqual([]);
    for (const step of ["match", "scopes", "portal", "verdict"]) {
      expect(stepOf(ran, step).endsWith(where("tickets.read"))).toBe(true);
    }
    expect(stepOf(ran, "credential")).toContain(acme.id);
    expect(ran.out).not.toContain(acme.key);
  });

  test("refuses a wrong scope at the rule", async () => {
    const ran = await explain("--key", writer.key, "GET", TICKETS);
    expect(ran.code).toBe(1);
    expect(failed(ran)[0]).toMatch(/scopes .*tickets:read.*tickets:write/);
    expect(failed(ran)[0]?.endsWith(where("tickets.read"))).toBe(true);
    expect(stepOf(ran, "verdict")).toContain("403 insufficient_scope");
  });

  test("refuses a wrong portal at the rule", async () => {
    const ran = await explain("--key", acme.key, "GET", "/api/portals/globex/tickets");
    expect(ran.code).toBe(1);
    expect(failed(ran)[0]).toMatch(/portal .*globex/);
    expect(failed(ran)[0]?.endsWith(where("tickets.read"))).toBe(true);
    expect(stepOf(ran, "verdict")).toContain("403 portal_forbidden");
  });

  test.each([
    ["revoked", () => revoked.key, "credential_revoked"],
    ["revoked, by its id", () => revoked.id, "credential_revoked"],
    ["unknown", () => createKey(randomBytes), "credential_unknown"],
    ["cut short", () => reader.key.slice(0, -1), "credential_malformed"],
    ["no key of ours", () => "eyJhbGciOiJFUzI1NiJ9.e30.c2ln", "credential_unknown"],
    ["of a wrong checksum", () => `${reader.key.slice(0, -6)}000000`, "credential_bad_checksum"],
  ])("refuses a key that is %s, and tells the operator so", async (_what, key, reason) => {
    const ran = await explain("--key", key(), "GET", TICKETS);
    expect(ran.code).toBe(1);
    expect(failed(ran)[0]).toContain("credential");
    expect(stepOf(ran, "verdict")).toContain("401 credential_invalid");
    expect(stepOf(ran, "verdict")).toContain(reason);
    expect(stepOf(ran, "verdict").endsWith(where("tickets.read"))).toBe(true);
  });

  test("refuses a request without a credential, but on a public rule", async () => {
    const ran = await explain("GET", TICKETS);
    expect(ran.code).toBe(1);
    expect(stepOf(ran, "verdict")).toContain("401 credential_missing");
    const open = await explain("GET", "/status");
    expect(open.code).toBe(0);
    expect(stepOf(open, "verdict").endsWith(where("status"))).toBe(true);
  });

  test("names the nearest rule where none matches", async () => {
    const ran = await explain("--key", reader.key, "GET", "/api/portal/acme/tickets");
    expect(ran.code).toBe(1);
    expect(failed(ran)[0]).toContain("the nearest is tickets.read");
    expect(failed(ran)[0]?.endsWith(where("tickets.read"))).toBe(true);
    expect(stepOf(ran, "verdict")).toContain("404 no_route");
  });

  test("names the methods where the path is known", async () => {
    const ran = await explain("--key", reader.key, "PURGE", TICKETS);
    expect(ran.code).toBe(1);
    expect(failed(ran)[0]).toMatch(/none for PURGE; served are GET/);
    expect(stepOf(ran, "verdict")).toContain("405 method_not_allowed");
  });

  test("says why a target is refused before any rule", async () => {
    const ran = await explain("--key", reader.key, "GET", `${TICKETS}/../x`);
    expect(ran.code).toBe(1);
    expect(stepOf(ran, "verdict")).toContain("400 bad_request");
  });

  test("reads the portal from a body, given as it is or as @file", async () => {
    const file = join(at.folder, "body.json");
    writeFileSync(file, JSON.stringify({ portal_id: "acme", rows: [1, 2] }));
    const ran = await explain("--key", writer.key, "POST", "/api/import", "--data", `@${file}`);
    expect(ran.code).toBe(0);
    expect(stepOf(ran, "portal")).toContain("the request names portal acme");
    expect(stepOf(ran, "portal").endsWith(where("tickets.import"))).toBe(true);
    const other = await explain("--key", writer.key, "POST", "/api/import", "--data", '{"portal_id":"globex"}');
    expect(other.code).toBe(1);
    expect(stepOf(other, "verdict")).toContain("403 portal_forbidden");
    const twice = await explain("--key", writer.key, "POST", "/api/import", "--data", '{"portal_id":1,"portal_id":2}');
    expect(twice.code).toBe(1);
    expect(stepOf(twice, "verdict")).toContain("400 bad_request");
  });

  test.each([
    ["another type", ["-H", "Content-Type: text/plain"]],
    ["a form", ["-H", "content-type: application/x-www-form-urlencoded"]],
    ["a content coding", ["-H", "Content-Type: application/json", "-H", "Content-Encoding: gzip"]],
  ])("refuses a body of %s where the rule reads JSON", async (_what, headers) => {
    const args = ["--key", writer.key, "POST", "/api/import", "--data", '{"portal_id":"acme"}'];
    const ran = await explain(...args, ...headers);
    expect(ran.code).toBe(1);
    expect(failed(ran)[0]).toContain("body       is not plain JSON");
    expect(stepOf(ran, "verdict")).toContain("415 unsupported_media_type");
    expect((await explain(...args, "-H", "Content-Type: application/json; charset=utf-8")).code).toBe(0);
    expect(stepOf(await explain(...args), "body")).toContain("taken for JSON: no Content-Type given");
  });

  test("refuses a body that is larger than a rule may read", async () => {
    const file = join(at.folder, "large.json");
    writeFileSync(file, JSON.stringify({ portal_id: "acme", text: "x".repeat(1024 * 1024) }));
    const ran = await explain("--key", writer.key, "POST", "/api/import", "--data", `@${file}`);
    expect(stepOf(ran, "body")).toContain("limits.inspect_bytes");
    expect(stepOf(ran, "verdict")).toContain("413 body_too_large");
  });

  test("judges a Host that is given, and no other", async () => {
    const served = install();
    writeFileSync(served.config, "version: 1\nlisten: { public: { hosts: [desk.example.com] } }\n");
    const ask = (...headers: readonly string[]): Promise<Ran> => served.run(["explain", "GET", "/status", ...headers]);
    const other = await ask("-H", "Host: 127.0.0.1:8080");
    expect(other.code).toBe(1);
    expect(failed(other)[0]).toContain("head       the Host is not in listen.public.hosts");
    expect(stepOf(other, "verdict")).toContain("421 misdirected_request");
    expect((await ask("-H", "Host: desk.example.com:8080")).code).toBe(0);
    expect((await ask()).code).toBe(0);
    expect(stepOf(await ask("-H", "Host: a", "-H", "Host: b"), "verdict")).toContain("400 bad_request");
  });

  test("says when a key was revoked", async () => {
    const ran = await explain("--key", revoked.id, "GET", TICKETS);
    expect(stepOf(ran, "credential")).toMatch(new RegExp(`API key ${revoked.id} revoked at \\d{4}-.*Z$`));
  });

  test("knows the scopes of the catalogue", async () => {
    expect(await explain("--scopes", "tickets:reed", "GET", TICKETS)).toMatchObject({
      code: 2,
      out: "",
      error: expect.stringContaining("unknown scope tickets:reed (did you mean `tickets:read`?)"),
    });
  });

  test("reads the portal from a header given with -H", async () => {
    const args = ["--key", acme.key, "GET", "/api/search"];
    expect((await explain(...args, "-H", "X-Portal: acme")).code).toBe(0);
    expect(stepOf(await explain(...args, "-H", "X-Portal: globex"), "verdict")).toContain("portal_forbidden");
    const two = await explain(...args, "-H", "X-Portal: acme", "-H", "x-portal: globex");
    expect(stepOf(two, "verdict")).toContain("400 ambiguous_portal");
  });

  test("tries scopes that no key has", async () => {
    expect((await explain("--scopes", "tickets:read", "GET", TICKETS)).code).toBe(0);
    expect((await explain("--scopes", "tickets:read", "--portal", "globex", "GET", TICKETS)).code).toBe(1);
    expect((await explain("--scopes", "users:read", "GET", TICKETS)).code).toBe(1);
  });

  test("reads the key from standard input with --key -", async () => {
    const ran = await at.run(["explain", "--key", "-", "GET", TICKETS], `${acme.key}\n`);
    expect(ran.code).toBe(0);
    expect(stepOf(ran, "credential")).toContain(acme.id);
  });

  test("prints the steps and the verdict as JSON", async () => {
    const ran = await explain("--key", acme.key, "GET", "/api/portals/globex/tickets", "--json");
    expect(ran.code).toBe(1);
    const { steps, verdict } = JSON.parse(ran.out);
    expect(verdict).toEqual({
      allow: false,
      route: "tickets.read",
      portal: "globex",
      reason: "portal_forbidden",
      code: "portal_forbidden",
      status: 403,
    });
    expect(steps.find((step: { step: string }) => step.step === "portal")).toMatchObject({
      ok: false,
      source: { file: at.rules, line: RULE_LINES["tickets.read"] },
    });
    expect(ran.out).not.toContain(acme.key);
  });

  test.each([
    ["no target", ["GET"]],
    ["nothing", []],
    ["a stray argument", ["GET", TICKETS, "HTTP/1.1"]],
    ["a key and scopes", ["--key", "x", "--scopes", "tickets:read", "GET", TICKETS]],
    ["a portal without scopes", ["--portal", "acme", "GET", TICKETS]],
    ["a scope that is none", ["--scopes", "tickets", "GET", TICKETS]],
    ["a header without a colon", ["-H", "X-Portal", "GET", TICKETS]],
  ])("is wrong usage with %s", async (_what, args) => {
    expect(await explain(...args)).toMatchObject({ code: 2, out: "" });
  });

  test("fails plainly on an unknown id, a missing body file and a missing configuration", async () => {
    const lines = [
      await explain("--key", "key_00000000000000000000", "GET", TICKETS),
      await explain("--key", writer.key, "POST", "/api/import", "--data", `@${join(at.folder, "none.json")}`),
      await run(["explain", "--config", join(at.folder, "none.yaml"), "GET", "/"]),
    ];
    for (const { code, error, out } of lines) {
      expect([code, out]).toEqual([1, ""]);
      expect(error).not.toContain("    at ");
    }
    expect(lines[1]?.error).toContain("none.json");
  });

  test("as a process, takes the key from standard input, so that no argument holds it", async () => {
    const file = join(at.folder, "key");
    writeFileSync(file, acme.key);
    const input = openSync(file, "r");
    const bin = resolve(import.meta.dirname, "../../src/cli/bin.ts");
    const args = [bin, "explain", "--config", at.config, "--key", "-", "GET", TICKETS];
    const child = spawn(process.execPath, args, { stdio: [input, "pipe", "inherit"] });
    let out = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (out += text));
    const [code] = await once(child, "close");
    closeSync(input);
    expect(code).toBe(0);
    expect(out).toContain(acme.id);
  });
});
