import { type ParseArgsConfig, parseArgs } from "node:util";
import { suggestion } from "../core/suggest.ts";

/** Where a command reads and writes: the terminal, or a test. */
export interface Terminal {
  readonly env: NodeJS.ProcessEnv;
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  /** All of standard input. */
  readonly readInput: () => Promise<string>;
  /** One line of the person, without echo; `null` where standard input is no terminal. Rejects where they give up. */
  readonly readSecret?: (question: string) => Promise<string | null>;
}

/** Exit codes: 0 success, 1 a refusal or failure, 2 wrong usage. */
export type ExitCode = 0 | 1 | 2;

export interface Help {
  /** How to write it: printed with every complaint on wrong usage. */
  readonly usage: string;
  /** Options with their defaults, exit codes, an example: printed with `--help` alone. */
  readonly details: string;
}

/** One command of `portcullis`; its name stands in `commands.ts`. */
export interface Command extends Help {
  /** Help of each of its actions, where it has some. */
  readonly actions?: Readonly<Record<string, Help>>;
  run(args: readonly string[], terminal: Terminal): Promise<ExitCode>;
}

/** Lines of `details` that commands share. */
export const CONFIG_OPTION =
  "  --config FILE   default: portcullis.yaml, else config/portcullis.yaml, where the command is run";
export const JSON_OPTION = "  --json          print for scripts";
export const COMMON_OPTIONS = `${CONFIG_OPTION}\n${JSON_OPTION}`;
/** Of commands that take something away; they wait until that counts on every instance. */
export const NO_WAIT =
  "  --no-wait       do not wait for instances that do not answer; tell which, and for how long at most they go on";
export const EXIT_CODES = "Exit codes: 0 done, 1 it could not be done, 2 wrong usage.";

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

/** Of a change that a change of somebody else has overtaken. */
export const CHANGED_MEANWHILE = "somebody else changed it at the same time; try again";

/** What does the action that was asked for. Throws `UsageError` where there is none of that name. */
export function pickAction<Act>(actions: Readonly<Record<string, Act>>, action: string | undefined): Act {
  if (action === undefined) throw new UsageError("say what to do");
  const act = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (act === undefined) throw new UsageError(`unknown action ${action}${suggestion(action, Object.keys(actions))}`);
  return act;
}

/** `parseArgs` of Node, with its complaints as `UsageError`, in fewer words. */
export function readArgs<const T extends ParseArgsConfig["options"]>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(complaint(error instanceof Error ? error.message : "", Object.keys(options ?? {})));
  }
}

function complaint(message: string, known: readonly string[]): string {
  const option = /'(?:-\w, )?(--?[^\s'=]+)/.exec(message)?.[1] ?? "";
  if (message.startsWith("Unknown option")) {
    const near = suggestion(
      option,
      known.map((name) => `--${name}`),
    );
    return `unknown option ${option}${near}`;
  }
  if (message.includes("does not take an argument")) return `option ${option} takes no value`;
  return option === "" ? message : `option ${option} needs a value`;
}
