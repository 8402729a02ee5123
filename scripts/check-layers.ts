/** `npm run check:layers`: who imports whom under `src/`, held to the table of ARCHITECTURE.md. */
import { resolve } from "node:path";
import { checkLayers } from "./layers/check.ts";

const root = resolve(process.argv[2] ?? `${import.meta.dirname}/..`);
const violations = await checkLayers(root);
for (const { file, line, message } of violations) console.error(`${file}:${line}: ${message}`);
if (violations.length > 0) process.exitCode = 1;
else console.log("layers: the import table of ARCHITECTURE.md is held");
