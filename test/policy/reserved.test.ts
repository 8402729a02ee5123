import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loadRules } from "../../src/config/rules.ts";
import { formatProblem } from "../../src/core/problem.ts";
import { isReserved, reservedPaths } from "../../src/core/reserved-paths.ts";
import { compilePolicy } from "../../src/policy/compile.ts";
import { Folder } from "../config/folder.ts";
import { rulesText } from "./rules.ts";

const RESERVED = reservedPaths({ oauth: { enabled: true, path: "/oauth" }, signin: { path: "/account/signin" } });
const MESSAGE = "this path is served by Portcullis; change oauth.path, signin.path or admin.public_path, or the rule";

async function problemsOf(path: string, id = "r"): Promise<readonly string[]> {
  await using folder = await Folder.make();
  const file = join(folder.path, "rules.yaml");
  await writeFile(file, rulesText(`{ id: ${id}, match: { path: "${path}" }, upstream: desk, public: true }`));
  const source = await loadRules(file, {});
  if (!source.ok) throw new Error(source.problems.map(formatProblem).join("\n"));
  expect(compilePolicy(source.value).ok).toBe(true);
  const policy = compilePolicy(source.value, RESERVED);
  return policy.ok ? [] : policy.problems.map((problem) => formatProblem(problem).replace(`${file}:`, ""));
}

describe("a rule", () => {
  test.each([
    "/oauth",
    "/oauth/token",
    "/oauth/*",
    "/oauth/:x",
    "/oauth/:x/y",
    "/account/signin",
    "/account/signin/out",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-protected-resource/*",
  ])("for %s alone is refused, with its position", async (path) => {
    expect(await problemsOf(path)).toEqual([`5:29: ${MESSAGE}`]);
  });

  test.each([
    "/*",
    "/:x",
    "/:x/token",
    "/oauthx",
    "/OAuth",
    "/account",
    "/account/*",
    "/account/:x",
    "/signin",
    "/.well-known/*",
    "/.well-known/:name",
    "/.well-known/oauth-authorization-server/*",
  ])("for %s, which other paths match too, is accepted", async (path) => {
    expect(await problemsOf(path)).toEqual([]);
  });

  test("cannot take the name of our own endpoints", async () => {
    expect(await problemsOf("/a", "portcullis")).toEqual([
      "5:11: the id `portcullis` stands for what Portcullis serves itself; choose another",
    ]);
  });
});

test("reserved are the paths themselves and their further segments, byte for byte", () => {
  const letters = fc.string({ unit: fc.constantFrom("o", "a", "u", "t", "h", "/", "O", "%", "x"), maxLength: 12 });
  fc.assert(
    fc.property(letters, (text) => {
      const path = `/${text}`;
      const ours = path === "/oauth" || path.startsWith("/oauth/");
      expect(isReserved(RESERVED, path)).toBe(ours);
    }),
  );
  expect(isReserved(RESERVED, "/oauth/x")).toBe(true);
  expect(isReserved(RESERVED, "/account/signin/x")).toBe(true);
  expect(isReserved(RESERVED, "/.well-known/openid-configuration")).toBe(true);
  expect(isReserved(RESERVED, "/.well-known/openid-configuration/x")).toBe(false);
});

test("with OAuth off, no path is ours", () => {
  const withAdmin = reservedPaths({
    oauth: { enabled: true, path: "/oauth" },
    signin: { path: "/signin" },
    admin: { public_path: "/admin" },
  });
  expect(["/admin", "/admin/api/v1/keys", "/administrators"].map((path) => isReserved(withAdmin, path))).toEqual([
    true,
    true,
    false,
  ]);
  const off = reservedPaths({ oauth: { enabled: false, path: "/oauth" }, signin: { path: "/signin" } });
  expect(off).toBeNull();
  expect(isReserved(off, "/oauth/token")).toBe(false);
});
