import { type ParseArgsConfig, parseArgs } from "node:util";

/** Where a command reads and writes: the terminal, or a test. */
export interface Terminal {
  readonly env: NodeJS.ProcessEnv;
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  /** All of standard input. */
  readonly readInput: () => Promise<string>;
}

/** Exit codes: 0 success, 1 a refusal or failure, 2 wrong usage. */
export type ExitCode = 0 | 1 | 2;

/** One command of `portcullis`. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  readonly usage: string;
  run(args: readonly string[], terminal: Terminal): Promise<ExitCode>;
}

/** Wrong usage: printed with the usage of the command, exit 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** A failure that is told to the person in plain words: exit 1, no stack. */
export class CommandFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CommandFailure";
  }
}

/** `parseArgs` of Node, with its complaints as `UsageError`. */
export function readArgs<const T extends ParseArgsConfig["options"]>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : "wrong usage");
  }
}
