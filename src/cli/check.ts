import { dirname, resolve } from "node:path";
import { loadConfig } from "../config/config.ts";
import { formatProblem, type Problem } from "../core/problem.ts";
import { readYamlFile } from "../config/read.ts";
import { loadRules } from "../config/rules.ts";
import { valueAt } from "../config/validate.ts";
import { type ReservedPaths, reservedPaths } from "../core/reserved-paths.ts";
import { compilePolicy } from "../policy/compile.ts";
import type { Policy } from "../policy/types.ts";
import { checkAgainst, differences, type RouteComparison } from "./check-against.ts";
import { type Command, CONFIG_OPTION, JSON_OPTION, readArgs, type Terminal, UsageError } from "./command.ts";
import { configFile } from "./config-file.ts";

interface Checked {
  readonly problems: readonly Problem[];
  /** `null` where the rules are wrong. */
  readonly policy: Policy | null;
}

/** `portcullis check`: reads configuration and rules, and tells every problem at once. */
export const check: Command = {
  usage: "portcullis check [--config FILE] [--rules FILE] [--json] [--against URL [--route ID] [--key -]]",
  details: `${CONFIG_OPTION}
  --rules FILE    read this rules file alone (default: the one that the configuration names)
${JSON_OPTION}
  --against URL   compare the MCP rules with the tools of the server at URL
  --route ID      with this MCP route alone
  --key -         read a key for it from standard input

Exit codes: 0 all is right, 1 there are problems or differences, 2 wrong usage.

Example: portcullis check --config config/portcullis.yaml`,
  async run(args, terminal) {
    const { values, positionals } = readArgs(args, {
      config: { type: "string" },
      rules: { type: "string" },
      json: { type: "boolean" },
      against: { type: "string" },
      route: { type: "string" },
      key: { type: "string" },
    });
    if (positionals.length > 0) throw new UsageError(`unexpected argument: ${positionals[0]}`);
    const { against, key, route } = values;
    if (against === undefined && (key ?? route) !== undefined)
      throw new UsageError("--key and --route go with --against");
    if (key !== undefined && key !== "-") throw new UsageError("--key takes `-`: the key is read from standard input");
    const { policy, problems } = await checkAll(values, terminal);
    const compared =
      policy === null || problems.length > 0 || against === undefined
        ? null
        : await checkAgainst(policy, {
            url: against,
            key: key === undefined ? null : (await terminal.readInput()).trim(),
            route: route ?? null,
          });
    const ok = problems.length === 0 && (compared === null || differences(compared).length === 0);
    if (values.json === true) terminal.out(`${JSON.stringify(report(ok, { problems, policy }, compared))}\n`);
    else print({ problems, policy }, compared, terminal);
    return ok ? 0 : 1;
  },
};

type Compared = readonly RouteComparison[] | null;

function report(ok: boolean, { problems, policy }: Checked, compared: Compared): object {
  const { hash = null, routes = [] } = policy ?? {};
  return { ok, problems, rules: hash, routes: routes.length, ...(compared === null ? {} : { against: compared }) };
}

/** With `--rules` only that file is read; else the configuration and the rules that it names, whatever is wrong in it. */
async function checkAll(files: { config?: string; rules?: string }, terminal: Terminal): Promise<Checked> {
  if (files.rules !== undefined) return checkRules(files.rules, { before: [], reserved: null }, terminal);
  const file = await configFile(files.config);
  const config = await loadConfig(file, terminal.env);
  if (config.ok) {
    return checkRules(config.value.rules, { before: [], reserved: reservedPaths(config.value) }, terminal);
  }
  const rules = await rulesNamedBy(file, terminal);
  if (rules === null) return { problems: config.problems, policy: null };
  return checkRules(rules, { before: config.problems, reserved: null }, terminal);
}

/** The rules file that a configuration with mistakes names; `null` where that cannot be told. */
async function rulesNamedBy(file: string, terminal: Terminal): Promise<string | null> {
  const read = await readYamlFile(file, terminal.env);
  if (!("tree" in read) || typeof read.tree.value !== "object" || read.tree.isBroken(["rules"])) return null;
  const rules = valueAt(read.tree.value, ["rules"]) ?? "rules.yaml";
  return typeof rules === "string" && rules !== "" ? resolve(dirname(file), rules) : null;
}

/** Where the configuration is not known, nor are the paths that are ours by it. */
async function checkRules(
  file: string,
  { before, reserved }: { readonly before: readonly Problem[]; readonly reserved: ReservedPaths | null },
  terminal: Terminal,
): Promise<Checked> {
  const source = await loadRules(file, terminal.env);
  if (!source.ok) return { problems: [...before, ...source.problems], policy: null };
  const policy = compilePolicy(source.value, reserved);
  if (!policy.ok) return { problems: [...before, ...policy.problems], policy: null };
  return { problems: before, policy: policy.value };
}

function print({ problems, policy }: Checked, compared: Compared, terminal: Terminal): void {
  for (const problem of problems) terminal.error(`${formatProblem(problem)}\n`);
  if (policy === null || problems.length > 0) {
    terminal.error(`${problems.length} problem${problems.length === 1 ? "" : "s"}\n`);
    return;
  }
  terminal.out(`ok: ${policy.routes.length} routes, rules ${policy.hash}\n`);
  if (compared === null) return;
  const found = differences(compared);
  for (const line of found) terminal.error(`${line}\n`);
  if (found.length > 0) terminal.error(`${found.length} difference${found.length === 1 ? "" : "s"}\n`);
  else terminal.out("ok: rules and server name the same tools\n");
}
