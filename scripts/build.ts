/**
 * `npm run build [-- --out DIR]`: compiles the program into `dist/`, or into DIR, which is emptied first. What the
 * program reads at run time and isn't TypeScript is copied beside it.
 */
import { spawnSync } from "node:child_process";
import { chmod, cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

const SHEBANG = "#!/usr/bin/env node\n";
const project = resolve(import.meta.dirname, "..");
const dist = join(project, "dist");

function compile(out: string): boolean {
  const tsc = join(project, "node_modules", "typescript", "bin", "tsc");
  const args = [tsc, "-p", join(project, "tsconfig.build.json"), "--outDir", out];
  return spawnSync(process.execPath, args, { stdio: "inherit" }).status === 0;
}

/** Pages, scripts of Redis and other files that stand among the sources. */
async function copyAssets(out: string): Promise<void> {
  for (const folder of ["src", "deploy/demo"]) {
    const entries = await readdir(join(project, folder), { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      if (!entry.isFile() || /\.(?:ts|md)$/.test(entry.name)) continue;
      const file = join(entry.parentPath, entry.name);
      await cp(file, join(out, file.slice(project.length)));
    }
  }
}

/** Makes the command start by its name. A line more at the top is a line more in its source map. */
async function makeExecutable(file: string): Promise<void> {
  const code = await readFile(file, "utf8");
  if (!code.startsWith("#!")) {
    await writeFile(file, SHEBANG + code);
    const map = await readFile(`${file}.map`, "utf8");
    await writeFile(`${file}.map`, map.replace('"mappings":"', '"mappings":";'));
  }
  await chmod(file, 0o755);
}

/** `dist/` is ours to empty; another folder only where it holds what a build leaves, for `--out` may be a slip. */
async function mayEmpty(folder: string): Promise<boolean> {
  if (folder === dist) return true;
  const names = await readdir(folder).catch(() => []);
  return names.every((name) => name === "src" || name === "deploy") && !project.startsWith(`${folder}/`);
}

const { values } = parseArgs({ options: { out: { type: "string", default: dist } } });
const out = resolve(values.out);
if (!(await mayEmpty(out))) {
  console.error(`${out} holds more than a build; it is not emptied`);
  process.exitCode = 2;
} else {
  await rm(out, { recursive: true, force: true });
  if (compile(out)) {
    await copyAssets(out);
    await makeExecutable(join(out, "src", "cli", "bin.js"));
  } else {
    process.exitCode = 1;
  }
}
