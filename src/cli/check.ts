import { dirname, resolve } from "node:path";
import { loadConfig } from "../config/config.ts";
import { formatProblem, type Problem } from "../core/problem.ts";
import { readYamlFile } from "../config/read.ts";
import { loadRules } from "../config/rules.ts";
import { valueAt } from "../config/validate.ts";
import { compilePolicy } from "../policy/compile.ts";
import { type Command, CONFIG_OPTION, JSON_OPTION, readArgs, type Terminal, UsageError } from "./command.ts";
import { configFile } from "./config-file.ts";

interface Checked {
  readonly problems: readonly Problem[];
  readonly rules: string | null;
  readonly routes: number;
}

/** `portcullis check`: reads configuration and rules, and tells every problem at once. */
export const check: Command = {
  name: "check",
  summary: "read configuration and rules, and tell every problem",
  usage: "portcullis check [--config FILE] [--rules FILE] [--json]",
  details: `${CONFIG_OPTION}
  --rules FILE    read this rules file alone (default: the one that the configuration names)
${JSON_OPTION}

Exit codes: 0 all is right, 1 there are problems, 2 wrong usage.

Example: portcullis check --config config/portcullis.yaml`,
  async run(args, terminal) {
    const { values, positionals } = readArgs(args, {
      config: { type: "string" },
      rules: { type: "string" },
      json: { type: "boolean" },
    });
    if (positionals.length > 0) throw new UsageError(`unexpected argument: ${positionals[0]}`);
    const checked = await checkAll(values, terminal);
    if (values.json === true) terminal.out(`${JSON.stringify({ ok: checked.problems.length === 0, ...checked })}\n`);
    else print(checked, terminal);
    return checked.problems.length === 0 ? 0 : 1;
  },
};

/** With `--rules` only that file is read; else the configuration and the rules that it names, whatever is wrong in it. */
async function checkAll(files: { config?: string; rules?: string }, terminal: Terminal): Promise<Checked> {
  if (files.rules !== undefined) return checkRules(files.rules, [], terminal);
  const file = await configFile(files.config);
  const config = await loadConfig(file, terminal.env);
  if (config.ok) return checkRules(config.value.rules, [], terminal);
  const rules = await rulesNamedBy(file, terminal);
  if (rules === null) return { problems: config.problems, rules: null, routes: 0 };
  return checkRules(rules, config.problems, terminal);
}

/** The rules file that a configuration with mistakes names; `null` where that cannot be told. */
async function rulesNamedBy(file: string, terminal: Terminal): Promise<string | null> {
  const read = await readYamlFile(file, terminal.env);
  if (!("tree" in read) || typeof read.tree.value !== "object" || read.tree.isBroken(["rules"])) return null;
  const rules = valueAt(read.tree.value, ["rules"]) ?? "rules.yaml";
  return typeof rules === "string" && rules !== "" ? resolve(dirname(file), rules) : null;
}

async function checkRules(file: string, before: readonly Problem[], terminal: Terminal): Promise<Checked> {
  const source = await loadRules(file, terminal.env);
  if (!source.ok) return { problems: [...before, ...source.problems], rules: null, routes: 0 };
  const policy = compilePolicy(source.value);
  if (!policy.ok) return { problems: [...before, ...policy.problems], rules: null, routes: 0 };
  return { problems: before, rules: policy.value.hash, routes: policy.value.routes.length };
}

function print({ problems, routes, rules }: Checked, terminal: Terminal): void {
  for (const problem of problems) terminal.error(`${formatProblem(problem)}\n`);
  if (problems.length === 0) terminal.out(`ok: ${routes} routes, rules ${rules}\n`);
  else terminal.error(`${problems.length} problem${problems.length === 1 ? "" : "s"}\n`);
}
