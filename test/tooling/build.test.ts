import { cp, readFile, stat, symlink } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFailed, test } from "vitest";
import { outputOf, spawnProcess, type RunningProcess } from "../support/processes.ts";
import { project, temporaryFolder } from "./support.ts";

const FILES = {
  "package.json": `{ "name": "small", "type": "module" }`,
  "src/cli/bin.ts": `import { name } from "./name.ts";\nconsole.log(name satisfies string);\n`,
  "src/cli/name.ts": `export const name = "small";\n`,
  "src/store/take.lua": "return 1\n",
  "deploy/demo/service.ts": "export {};\n",
  "dist/left-over.js": "",
};

/** A small project with the build script and compiler settings of this one. */
async function smallProject(files: Readonly<Record<string, string>> = {}): Promise<string> {
  const root = await temporaryFolder({ ...FILES, ...files });
  for (const name of ["scripts/build.ts", "tsconfig.json", "tsconfig.build.json"]) {
    await cp(join(project, name), join(root, name));
  }
  await symlink(join(project, "node_modules"), join(root, "node_modules"));
  return root;
}

async function build(root: string, ...args: readonly string[]): Promise<RunningProcess> {
  const run = spawnProcess(process.execPath, [join(root, "scripts/build.ts"), ...args], { cwd: root });
  onTestFailed(() => console.error(outputOf(run)));
  await run.exited;
  return run;
}

describe("npm run build", () => {
  test("empties dist/ and makes a command that starts by its name", async () => {
    const root = await smallProject();
    expect((await build(root)).child.exitCode).toBe(0);
    expect(existsSync(join(root, "dist/left-over.js"))).toBe(false);
    const command = join(root, "dist/src/cli/bin.js");
    expect((await stat(command)).mode & 0o777).toBe(0o755);
    expect(await readFile(command, "utf8")).toMatch(
      /^#!\/usr\/bin\/env node\nimport \{ name \} from "\.\/name\.js";\n/,
    );
    const run = spawnProcess(command, [], { env: { PATH: join(project, "node_modules/.bin") } });
    // The loader of `#!/usr/bin/env` is found by its path, so that a PATH with Node alone is enough.
    expect(await run.exited).toEqual({ code: 0, signal: null });
    expect(run.stdout()).toBe("small\n");
  });

  test("keeps a first line that is there, once", async () => {
    const main = `#!/usr/bin/env node\nconsole.log("here");\n`;
    const root = await smallProject({ "src/cli/bin.ts": main });
    await build(root);
    expect((await readFile(join(root, "dist/src/cli/bin.js"), "utf8")).match(/#!/g)).toHaveLength(1);
  });

  test("keeps the lines of the source in traces", async () => {
    const root = await smallProject({ "src/cli/bin.ts": `export {};\n\nthrow new Error("on line three");\n` });
    await build(root);
    const run = spawnProcess(process.execPath, ["--enable-source-maps", join(root, "dist/src/cli/bin.js")]);
    expect(await run.exited).toEqual({ code: 1, signal: null });
    expect(run.stderr()).toContain("bin.ts:3");
  });

  test("copies what is no TypeScript and read at run time, and the demo", async () => {
    const root = await smallProject();
    await build(root);
    expect(await readFile(join(root, "dist/src/store/take.lua"), "utf8")).toBe("return 1\n");
    expect(existsSync(join(root, "dist/deploy/demo/service.js"))).toBe(true);
  });

  test("builds into another folder and leaves dist/ alone", async () => {
    const root = await smallProject();
    const out = join(await temporaryFolder(), "out");
    expect((await build(root, "--out", out)).child.exitCode).toBe(0);
    expect(existsSync(join(out, "src/cli/bin.js"))).toBe(true);
    expect(existsSync(join(root, "dist/left-over.js"))).toBe(true);
  });

  test("does not empty a folder that holds something else", async () => {
    const root = await smallProject();
    const precious = await temporaryFolder({ "precious.txt": "mine" });
    for (const folder of [root, precious]) expect((await build(root, "--out", folder)).child.exitCode).toBe(2);
    expect(existsSync(join(precious, "precious.txt"))).toBe(true);
    expect(existsSync(join(root, "src/cli/bin.ts"))).toBe(true);
  });

  test("fails where the types are wrong", async () => {
    const root = await smallProject({ "src/cli/name.ts": `export const name: number = "small";\n` });
    const run = await build(root);
    expect(run.child.exitCode).toBe(1);
    expect(run.stdout()).toContain("src/cli/name.ts");
  });
});
