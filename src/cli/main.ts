import { VERSION } from "../app/version.ts";
import { suggestion } from "../core/suggest.ts";
import { plainLines } from "./list-text.ts";
import { type Command, CommandFailure, type ExitCode, type Help, type Terminal, UsageError } from "./command.ts";
import { COMMANDS } from "./commands.ts";

const NAMES = COMMANDS.map(({ name }) => name);

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
  const entry = COMMANDS.find((candidate) => candidate.name === name);
  if (entry === undefined) {
    const asked = name === undefined || name === "help" || name === "--help" || name === "-h";
    (asked ? terminal.out : terminal.error)(
      asked ? HELP : `unknown command: ${name}${suggestion(name ?? "", NAMES)}\n\n${HELP}`,
    );
    return asked && name !== undefined ? 0 : 2;
  }
  const command = await entry.load();
  if (rest.includes("--help") || rest.includes("-h")) {
    const { usage, details } = helpOf(command, rest);
    terminal.out(`${entry.summary}\n\n${usage}\n\n${details}\n`);
    return 0;
  }
  return run({ name: entry.name, command }, rest, terminal);
}

/** Of the action that the line names, where it names one. */
function helpOf(command: Command, args: readonly string[]): Help {
  const action = args.find((arg) => !arg.startsWith("-"));
  const actions = command.actions ?? {};
  return (action !== undefined && Object.hasOwn(actions, action) ? actions[action] : undefined) ?? command;
}

async function run(
  { name, command }: { readonly name: string; readonly command: Command },
  args: readonly string[],
  terminal: Terminal,
): Promise<ExitCode> {
  try {
    return await command.run(args, terminal);
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.error(`${error.message}\n\n${helpOf(command, args).usage}\n`);
      return 2;
    }
    const message = error instanceof Error ? error.message : String(error);
    // It may quote what a server or a file says.
    terminal.error(`${plainLines(error instanceof CommandFailure ? message : `portcullis ${name}: ${message}`)}\n`);
    return 1;
  }
}
