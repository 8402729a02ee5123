/** Writes `config/*.schema.json` from the schemas in `src/config/`. Run it when a test says that they are stale. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { jsonSchemas } from "../src/config/json-schema.ts";

const root = resolve(import.meta.dirname, "..");
const files = Object.entries(jsonSchemas()).map(([name, schema]) => {
  const file = resolve(root, "config", name);
  writeFileSync(file, `${JSON.stringify(schema, null, 2)}\n`);
  return file;
});
execFileSync(resolve(root, "node_modules/.bin/oxfmt"), files, { cwd: root });
console.log(files.join("\n"));
