import { access } from "node:fs/promises";
import { type Config, loadConfig } from "../config/config.ts";
import { formatProblem } from "../core/problem.ts";
import { CommandFailure, type Terminal } from "./command.ts";

const DEFAULTS = ["portcullis.yaml", "config/portcullis.yaml"];

/** The configuration file to use: the one given, else the first of the defaults that exists. */
export async function configFile(given: string | undefined): Promise<string> {
  if (given !== undefined) return given;
  for (const file of DEFAULTS) {
    if (await exists(file)) return file;
  }
  throw new CommandFailure(`no configuration: give --config FILE, or write ${DEFAULTS.join(" or ")}`);
}

/** Loads the configuration, or fails with all of its problems. */
export async function requireConfig(given: string | undefined, terminal: Terminal): Promise<Config> {
  const loaded = await loadConfig(await configFile(given), terminal.env);
  if (!loaded.ok) throw new CommandFailure(loaded.problems.map(formatProblem).join("\n"));
  return loaded.value;
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
