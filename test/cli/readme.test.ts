import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { tempFolder } from "../support/temp.ts";

const README = readFileSync(resolve(import.meta.dirname, "../../README.md"), "utf8");
const BIN = resolve(import.meta.dirname, "../../src/cli/bin.ts");

/** The file of that name, as the README shows it. */
function shown(file: string): string {
  const block = new RegExp(`\`\`\`yaml\n(# ${file}\n.*?)\`\`\``, "s").exec(README)?.[1];
  if (block === undefined) throw new Error(`the README shows no ${file}`);
  return block;
}

test("explain prints what the README shows, for the files that it shows", () => {
  const cwd = tempFolder();
  for (const file of ["portcullis.yaml", "rules.yaml"]) writeFileSync(join(cwd, file), shown(file));
  const key = ["--name", "x", "--scope", "tickets:read", "--portal", "acme", "--subject", "cli:ops", "--json"];
  const made = execFileSync(process.execPath, [BIN, "keys", "create", "--config", "portcullis.yaml", ...key], { cwd });
  const { id } = JSON.parse(made.toString());
  const sample = /\$ npm start -- explain (\S+ \S+) --key (key_\w+) (GET \S+)\n(.*?)```/s.exec(README);
  const [, config = "", shownId = "", request = "", steps] = sample ?? [];
  const args = [BIN, "explain", ...config.split(" "), "--key", id, ...request.split(" ")];
  const ran = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
  expect(ran.stderr).toBe("");
  expect(ran.stdout.replaceAll(id, shownId)).toBe(steps);
  expect(ran.status).toBe(1);
});
