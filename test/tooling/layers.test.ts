import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkLayers, MAX_LINES } from "../../scripts/layers/check.ts";
import { findImports } from "../../scripts/layers/imports.ts";
import { parseLayerTable, TableError } from "../../scripts/layers/table.ts";
import { spawnProcess } from "../support/processes.ts";
import { project, temporaryFolder } from "./support.ts";

const DOCUMENT = `# Architecture

| folder | holds | may import |
|---|---|---|
| \`src/core/\` | vocabulary, no I/O | nothing |
| \`src/config/\` | YAML | core |
| \`src/policy/\` | rules | core, config (types) |
| \`src/store/\` | records | core |
| \`src/proxy/\` | enforcement | core, policy |
| \`src/admin/\` | listener | core, policy |
| \`src/cli/\` | commands | everything |
| \`src/app.ts\` | wiring | everything |

| plan | here |
|---|---|
| x | y |
`;

/** Checks a project of the given files; answers with `file:line: message`, as the command prints it. */
async function check(files: Readonly<Record<string, string>>): Promise<string[]> {
  const root = await temporaryFolder({ "ARCHITECTURE.md": DOCUMENT, "src/core/ids.ts": "export {};\n", ...files });
  return (await checkLayers(root)).map(({ file, line, message }) => `${file}:${line}: ${message}`);
}

describe("the table of ARCHITECTURE.md", () => {
  test("is read from the project's own document", async () => {
    const table = parseLayerTable(await readFile(join(project, "ARCHITECTURE.md"), "utf8"));
    expect(table.get("core")?.allowed.size).toBe(0);
    expect(table.get("core")?.everything).toBe(false);
    expect(Object.fromEntries(table.get("policy")?.allowed ?? [])).toEqual({ core: "values", config: "types" });
    expect(table.get("app")?.everything).toBe(true);
    expect(table.get("proxy")?.allowed.has("admin")).toBe(false);
  });

  test("ends where its rows end", () => {
    expect([...parseLayerTable(DOCUMENT).keys()]).toEqual([
      "core",
      "config",
      "policy",
      "store",
      "proxy",
      "admin",
      "cli",
      "app.ts",
    ]);
  });

  test.each([
    ["is missing", "# Architecture\n", 1],
    ["has no rows", "| folder | holds | may import |\n|---|---|---|\n", 1],
    ["names an unknown part", DOCUMENT.replace("core, policy |", "core, polcy |"), 9],
    ["has a cell that is prose", DOCUMENT.replace("| nothing |", "| nothing much |"), 5],
    ["has a row without a folder", DOCUMENT.replace("`src/store/`", "store"), 8],
    ["has a folder twice", DOCUMENT.replace("`src/store/`", "`src/config/`"), 8],
  ])("that %s is refused with its line", (_name, text, line) => {
    let caught: unknown;
    try {
      parseLayerTable(text);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(TableError);
    expect(caught).toMatchObject({ line });
  });
});

describe("finding imports", () => {
  test.each([
    [`import { a } from "./a.ts";`, false],
    [`import a from './a.ts';`, false],
    [`import "./a.ts";`, false],
    [`import * as a from "./a.ts";`, false],
    [`export { a } from "./a.ts";`, false],
    [`export * from "./a.ts";`, false],
    [`const a = await import("./a.ts");`, false],
    ["const a = await import(`./a.ts`);", false],
    [`new Worker(new URL("./a.ts", import.meta.url));`, false],
    [`import data from "./a.json" with { type: "json" };`, false],
    [`import {\n  a, // why\n  b,\n} from "./a.ts";`, false],
    [`import { type A } from "./a.ts";`, false],
    [`import type from "./a.ts";`, false],
    [`import type { A } from "b";\nimport { a } from "./a.ts";`, false],
    [`import type { A } from "./a.ts";`, true],
    [`import type {\n  A, // why\n} from "./a.ts";`, true],
    [`import type * as a from "./a.ts";`, true],
    [`import type A from "./a.ts";`, true],
    [`export type { A } from "./a.ts";`, true],
    [`export type * from "./a.ts";`, true],
  ])("sees %s", (source, typeOnly) => {
    const { sites, unreadable } = findImports(`const first = 1;\n${source}\n`);
    expect(unreadable).toEqual([]);
    expect(sites).toHaveLength(1);
    expect(sites[0]?.specifier).toMatch(/^\.\/a\.(?:ts|json)$/);
    expect(sites[0]?.typeOnly).toBe(typeOnly);
  });

  test("passes over packages, built-in modules and paths that are no import", () => {
    const source = `import fs from "node:fs";\nimport { z } from "zod";\nconst store = "./data/portcullis.db";\n`;
    expect(findImports(source)).toEqual({ sites: [], unreadable: [] });
  });

  test("tells the line on which the path stands", () => {
    const { sites } = findImports(`\nimport {\n  a,\n} from "./a.ts";\nimport "./b.ts";\n`);
    expect(sites.map(({ line }) => line)).toEqual([4, 5]);
  });

  test.each([
    "await import(name);",
    "await import(`./${name}.ts`);",
    `require("../proxy/x.ts")`,
    "createRequire(import.meta.url);",
  ])("reports %s, which no rule can be held to", (source) => {
    expect(findImports(`\n${source}`).unreadable[0]?.line).toBe(2);
  });
});

describe("checking a tree", () => {
  test("finds nothing where the table is held", async () => {
    const found = await check({
      "src/config/rules.ts": `import "../core/ids.ts";\nexport interface Rules {}\n`,
      "src/policy/decide.ts": `import type { Rules } from "../config/rules.ts";\nimport "../core/ids.ts";\n`,
      "src/policy/inner/match.ts": `import "../decide.ts";\nimport "../../core/ids.ts";\n`,
      "src/proxy/pipeline.ts": `import "../policy/decide.ts";\n`,
      "src/app.ts": `import "./proxy/pipeline.ts";\n`,
      "src/cli/main.ts": `import "../app.ts";\nawait import("../../deploy/demo/service.ts");\n`,
    });
    expect(found).toEqual([]);
  });

  test.each([
    ["an import that the table lacks", "src/core/a.ts", `import "../policy/b.ts";\n`, "core may not import policy"],
    [
      "a value from a folder that gives types only",
      "src/policy/a.ts",
      `import { load } from "../config/rules.ts";\n`,
      "policy may import only types from config: use `import type`",
    ],
    ["proxy that imports admin", "src/proxy/a.ts", `import "../admin/b.ts";\n`, "proxy may never import admin"],
    [
      "admin that imports proxy's types",
      "src/admin/a.ts",
      `import type { B } from "../proxy/b.ts";\n`,
      "admin may never import proxy",
    ],
    ["an import of the composition root", "src/store/a.ts", `import "../app.ts";\n`, "store may not import app.ts"],
    [
      "an import of tests",
      "src/cli/a.ts",
      `import "../../test/b.ts";\n`,
      "src/ may not import test/b.ts, which stands outside",
    ],
    [
      "an import of the bench",
      "src/cli/a.ts",
      `import "../../bench/b.ts";\n`,
      "src/ may not import bench/b.ts, which stands outside",
    ],
    [
      "an import of scripts",
      "src/cli/a.ts",
      `import "../../scripts/b.ts";\n`,
      "src/ may not import scripts/b.ts, which stands outside",
    ],
    [
      "the demo outside the command",
      "src/app.ts",
      `import "../deploy/demo/b.ts";\n`,
      "only src/cli may import from deploy/demo/",
    ],
    [
      "a path that leaves and comes back",
      "src/core/a.ts",
      `import "../../src/policy/b.ts";\n`,
      "core may not import policy",
    ],
    [
      "a target without a row",
      "src/cli/a.ts",
      `import "../misc/b.ts";\n`,
      "src/misc has no row in the table of ARCHITECTURE.md",
    ],
    ["a computed import", "src/core/a.ts", `await import(name);\n`, "an import must name its file in plain text"],
  ])("reports %s with file and line", async (_name, file, source, message) => {
    expect(await check({ [file]: `\n${source}` })).toEqual([`${file}:2: ${message}`]);
  });

  test("reports a folder without a row, and source that isn't TypeScript", async () => {
    expect(await check({ "src/misc/a.ts": "\n", "src/core/b.js": "\n" })).toEqual([
      "src/core/b.js:1: src/ holds TypeScript only",
      "src/misc/a.ts:1: src/misc has no row in the table of ARCHITECTURE.md",
    ]);
  });

  test("takes a file of the greatest length, and reports one line more", async () => {
    const line = "// text\n";
    expect(await check({ "src/core/long.ts": line.repeat(MAX_LINES) })).toEqual([]);
    expect(await check({ "src/core/long.ts": line.repeat(MAX_LINES + 1) })).toEqual([
      "src/core/long.ts:321: 321 lines; more than 320 hold two subjects",
    ]);
  });

  test("reports a circle of folders that the table would let through, types included", async () => {
    const found = await check({
      "src/app.ts": `import "./cli/main.ts";\n`,
      "src/cli/main.ts": `import type { App } from "../app.ts";\n`,
    });
    expect(found).toEqual([
      "src/app.ts:1: circle of folders: app.ts → cli → app.ts",
      "src/cli/main.ts:1: circle of folders: cli → app.ts → cli",
    ]);
  });

  test("reports a circle over three folders", async () => {
    const table = DOCUMENT.replace("| vocabulary, no I/O | nothing |", "| vocabulary, no I/O | policy |");
    const found = await check({
      "ARCHITECTURE.md": table,
      "src/core/a.ts": `import "../policy/b.ts";\n`,
      "src/policy/b.ts": `import type { C } from "../config/c.ts";\n`,
      "src/config/c.ts": `import "../core/a.ts";\n`,
    });
    expect(found).toContain("src/core/a.ts:1: circle of folders: core → policy → config → core");
    expect(found).toHaveLength(3);
  });

  test("reports a table that lets the proxy import the admin listener", async () => {
    const document = DOCUMENT.replace("| enforcement | core, policy |", "| enforcement | core, admin |");
    expect(await check({ "ARCHITECTURE.md": document })).toEqual([
      "ARCHITECTURE.md:1: the table lets proxy import admin: they never may",
    ]);
  });

  test("fails where the document has no table", async () => {
    expect(await check({ "ARCHITECTURE.md": "# Nothing\n" })).toHaveLength(1);
  });
});

describe("scripts/check-layers.ts", () => {
  test("prints each violation as file:line: message and exits 1", async () => {
    const root = await temporaryFolder({
      "ARCHITECTURE.md": DOCUMENT,
      "src/core/a.ts": `import "../store/b.ts";\n`,
    });
    const run = spawnProcess(process.execPath, [join(project, "scripts/check-layers.ts"), root]);
    expect(await run.exited).toEqual({ code: 1, signal: null });
    expect(run.stderr()).toBe("src/core/a.ts:1: core may not import store\n");
  });

  test("exits 0 on a tree that holds the table", async () => {
    const root = await temporaryFolder({ "ARCHITECTURE.md": DOCUMENT, "src/core/a.ts": "export {};\n" });
    const run = spawnProcess(process.execPath, [join(project, "scripts/check-layers.ts"), root]);
    expect(await run.exited).toEqual({ code: 0, signal: null });
  });

  test("finds the project's own tree in order", async () => {
    expect(await checkLayers(project)).toEqual([]);
  });
});
