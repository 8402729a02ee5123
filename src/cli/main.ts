import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { VERSION } from "../app/version.ts";
import { check } from "./check.ts";
import { type Command, CommandFailure, type ExitCode, type Terminal, UsageError } from "./command.ts";
import { demo } from "./demo.ts";
import { explain } from "./explain.ts";
import { keys } from "./keys.ts";
import { serve } from "./serve.ts";

const COMMANDS: readonly Command[] = [serve, demo, check, explain, keys];

const HELP = `portcullis ${VERSION}: authorization in front of a service that has none

${COMMANDS.map((command) => `  ${command.name.padEnd(8)} ${command.summary}`).join("\n")}

portcullis COMMAND --help tells more.
`;

/** Runs one command line. Never rejects: what went wrong is told on standard error. */
export async function main(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const [name, ...rest] = args;
  if (name === "--version" || name === "-v") {
    terminal.out(`${VERSION}\n`);
    return 0;
  }
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) {
    const asked = name === undefined || name === "help" || name === "--help" || name === "-h";
    (asked ? terminal.out : terminal.error)(asked ? HELP : `unknown command: ${name}\n\n${HELP}`);
    return asked && name !== undefined ? 0 : 2;
  }
  if (rest.includes("--help") || rest.includes("-h")) {
    terminal.out(`${command.summary}\n\n${command.usage}\n`);
    return 0;
  }
  return run(command, rest, terminal);
}

async function run(command: Command, args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  try {
    return await command.run(args, terminal);
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.error(`${error.message}\n\n${command.usage}\n`);
      return 2;
    }
    if (error instanceof CommandFailure) terminal.error(`${error.message}\n`);
    else terminal.error(`portcullis ${command.name}: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

const terminal: Terminal = {
  env: process.env,
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
  async readInput() {
    let text = "";
    for await (const chunk of process.stdin.setEncoding("utf8")) text += String(chunk);
    return text;
  },
};

/** Installed, the command is a symbolic link to this file. */
function isProgram(started: string | undefined): boolean {
  return started !== undefined && realpathSync(started) === fileURLToPath(import.meta.url);
}

if (isProgram(process.argv[1])) {
  process.exitCode = await main(process.argv.slice(2), terminal);
}
