import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { formatProblem } from "../../src/core/problem.ts";
import { loadRules } from "../../src/config/rules.ts";
import { Folder } from "./folder.ts";

const YAML = `version: 1
upstreams:
  desk: { url: "\${DESK}" }
  bad: { url: "http://a/b" }
routes:
  - id: tickets
    match: { path: /t }
    upstream: \${NAME}
    scopes: [tickets:read]
    portal: host
  - id: Wrong
    match: { methods: [FETCH], path: /w }
    upstream: desk
`;

async function source(yaml: string) {
  await using folder = await Folder.make();
  const loaded = await loadRules(await folder.write("rules.yaml", yaml), { DESK: "http://desk:1", NAME: "desk" });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join("\n"));
  return loaded.value;
}

describe("loadRules", () => {
  it("keeps what is right beside what is wrong, so that all problems can be told at once", async () => {
    const rules = await source(YAML);
    expect(rules.problems.map(({ line, column }) => `${line}:${column}`)).toEqual(["4:15", "11:9", "12:24"]);
    expect(rules.upstreams.get("desk")?.url).toBe("http://desk:1");
    expect([...rules.upstreams.keys()]).toEqual(["desk"]);
    expect([...rules.upstreamNames]).toEqual(["desk", "bad"]);
    expect(rules.routes.map(({ rules: whole }) => whole?.id ?? null)).toEqual(["tickets", null]);
    expect(rules.routes[1]?.draft).toMatchObject({ id: undefined, upstream: "desk", match: { path: "/w" } });
  });

  it("knows where each value stands, and how it is written", async () => {
    const rules = await source(YAML);
    expect(rules.position(["routes", 0])).toMatchObject({ line: 6, column: 5 });
    expect(rules.position(["routes", 0, "upstream"])).toMatchObject({ line: 8, column: 15 });
    expect(rules.position(["routes", 0, "upstream"], "key")).toMatchObject({ line: 8, column: 5 });
    expect(rules.position(["routes", 0, "match", "methods"])).toMatchObject({ line: 7, column: 5 });
    expect(rules.written(["routes", 0, "upstream"])).toBe("${NAME}");
    expect(rules.has(["routes", 0, "scopes"])).toBe(true);
    expect(rules.has(["routes", 1, "scopes"])).toBe(false);
  });

  it("has the hash of the bytes", async () => {
    expect((await source(YAML)).hash).toBe(createHash("sha256").update(YAML).digest("hex").slice(0, 12));
  });

  it("says at once what is no mapping, no YAML or not there", async () => {
    await using folder = await Folder.make();
    const messages: string[] = [];
    for (const yaml of ["- a", "a: [", ""]) {
      const loaded = await loadRules(await folder.write("rules.yaml", yaml), {});
      if (!loaded.ok) messages.push(loaded.problems[0]?.message ?? "");
    }
    const missing = await loadRules(`${folder.path}/none.yaml`, {});
    expect(messages).toEqual([
      "expected object, received array",
      expect.stringMatching(/^not YAML: /),
      "the file is empty",
    ]);
    expect(missing).toMatchObject({ ok: false, problems: [{ message: "no such file" }] });
  });
});
