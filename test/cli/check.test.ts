import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { install, run } from "./terminal.ts";

/** Ten mistakes of ten kinds; each is named in a comment on its line. */
const TEN_MISTAKES = `version: 1
upstreams:
  desk: { url: http://127.0.0.1:9000/api }  # an origin has no path
routes:
  - id: tickets.read
    match: { methods: [GET], path: "/api/:portal/tickets/*" }
    upstream: dsek  # no such upstream
    scopes: [tickets:read]
    portal: path:portal
  - id: tickets.read  # stands twice
    match: { methods: [POST], path: "/api/:portal/tickets/*" }
    upstream: desk
    scopes: [tickets:raed]  # not in the catalogue
    portal: path:portal
  - id: search
    match: { methods: [GET], path: /api/search }
    upstream: desk
    scopes: [tickets:read]  # no portal
  - id: status
    match: { methods: [GET], path: /status }
    upstream: desk
    public: true  # with scopes
    scopes: [tickets:read]
  - id: users
    match: { methods: [GET], path: "/api/:portal/users" }
    upstream: desk
    scopes: [users:read]
    portal: path:portal_id  # the path has none of this name
  - id: users.again
    match: { methods: [GET], path: "/api/:name/users" }  # the same requests as the rule before
    upstream: desk
    scopes: [users:read]
    portal: upstream
  - id: trace
    match: { methods: [TRACE], path: /trace }  # no such method here
    upstream: desk
    public: true
  - id: runs
    match: { path: /runs }
    upstream: desk
    scopes: [workflows:run]
    portal: unrestricted
    timeout: 5s  # no such key
`;
const MISTAKE_LINES = TEN_MISTAKES.split("\n").flatMap((line, index) => (/ {2}# /.test(line) ? [index + 1] : []));

const linesOf = (text: string): readonly number[] =>
  text
    .split("\n")
    .map((line) => Number(/^\S+?:(\d+):\d+: ./.exec(line)?.[1] ?? 0))
    .filter((line) => line > 0)
    .toSorted((a, b) => a - b);

describe("portcullis check", () => {
  test("reports all ten mistakes of a rules file, each on its line", async () => {
    expect(MISTAKE_LINES).toHaveLength(10);
    const { config } = install(TEN_MISTAKES);
    const { code, error, out } = await run(["check", "--config", config]);
    expect(code).toBe(1);
    // Two rules for the same requests are told at either of them.
    expect(linesOf(error)).toEqual(MISTAKE_LINES);
    expect(error).toContain("10 problems");
    expect(out).toBe("");
  });

  test("reports the same as JSON, on standard output alone", async () => {
    const { config, rules } = install(TEN_MISTAKES);
    const { code, error, out } = await run(["check", "--config", config, "--json"]);
    expect(code).toBe(1);
    expect(error).toBe("");
    const found: { ok: boolean; problems: { file: string; line: number; column: number; message: string }[] } =
      JSON.parse(out);
    expect(found.ok).toBe(false);
    expect(found.problems.map(({ line }) => line).toSorted((a, b) => a - b)).toEqual(MISTAKE_LINES);
    for (const problem of found.problems) {
      expect(problem).toEqual({
        file: rules,
        line: problem.line,
        column: expect.any(Number),
        message: expect.any(String),
      });
    }
  });

  test("reports the mistakes of the configuration and those of its rules together", async () => {
    const { config, folder } = install(TEN_MISTAKES);
    writeFileSync(config, "version: 1\nauditt: {}\nlimits: { idle: 60 }\n");
    const { code, error } = await run(["check", "--config", config]);
    expect(code).toBe(1);
    expect(error).toContain(`${config}:2:1: unknown key \`auditt\` (did you mean \`audit\`?)`);
    expect(error).toContain(`${config}:3:17: `);
    expect(linesOf(error.replaceAll(/^.*portcullis\.yaml.*$/gm, ""))).toEqual(MISTAKE_LINES);
    expect(error).toContain("12 problems");
    expect(error).toContain(join(folder, "rules.yaml"));
  });

  test("takes a right one, and tells how many rules and their hash", async () => {
    const { config } = install();
    const text = await run(["check", "--config", config]);
    expect(text).toEqual({ code: 0, out: expect.stringMatching(/^ok: 4 routes, rules [0-9a-f]{12}\n$/), error: "" });
    const json = await run(["check", "--config", config, "--json"]);
    expect(json.code).toBe(0);
    expect(JSON.parse(json.out)).toEqual({
      ok: true,
      problems: [],
      routes: 4,
      rules: expect.stringMatching(/^[0-9a-f]{12}$/),
    });
  });

  test("says how to write what is nearly right", async () => {
    const { config } = install(`version: 2
upstreams: { desk: { url: http://127.0.0.1:9 } }
routes:
  - id: tickets.read
    match: { methods: [get], path: "/:portal" }
    upstream: desk
    scopes: tickets:read
    portal: path:portal
`);
    const { error } = await run(["check", "--config", config]);
    expect(error).toContain("rules.yaml:1:10: only version 1 is known");
    expect(error).toContain("rules.yaml:5:24: write GET");
    expect(error).toContain("rules.yaml:7:13: write it as a list: [tickets:read]");
  });

  test("tells a rules file that is given as the configuration", async () => {
    const { rules } = install();
    expect((await run(["check", "--config", rules])).error).toContain("4:1: this looks like a rules file: use --rules");
  });

  test("reads a rules file alone with --rules", async () => {
    expect((await run(["check", "--rules", install().rules])).code).toBe(0);
    expect((await run(["check", "--rules", install(TEN_MISTAKES).rules])).code).toBe(1);
  });

  test("says where a file is missing, and is wrong usage with a stray argument", async () => {
    const { folder } = install();
    const missing = await run(["check", "--config", join(folder, "none.yaml")]);
    expect(missing.code).toBe(1);
    expect(missing.error).toContain(`none.yaml:1:1: no such file`);
    expect((await run(["check", "portcullis.yaml"])).code).toBe(2);
    expect((await run(["check", "--confg", "x"])).code).toBe(2);
  });
});
