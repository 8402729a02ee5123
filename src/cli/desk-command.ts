import { type Command, type ExitCode, type Help, pickAction, type Terminal, UsageError } from "./command.ts";
import { requireConfig } from "./config-file.ts";
import { type Desk, withDesk } from "./desk.ts";

/** What an action is called with. */
export interface Call<Values> {
  readonly desk: Desk;
  readonly values: Values;
  /** The argument behind the action: an id, or what its usage names there. */
  readonly id: string | undefined;
  readonly terminal: Terminal;
}

interface DeskCommand<Values, Name extends string> {
  readonly name: string;
  readonly help: Readonly<Record<Name, Help>>;
  readonly actions: Readonly<Record<NoInfer<Name>, (call: Call<Values>) => Promise<ExitCode>>>;
  /** Actions that take no argument. */
  readonly alone: readonly NoInfer<Name>[];
  readonly read: (args: readonly string[]) => { readonly values: Values; readonly positionals: readonly string[] };
}

/** A command of the form `portcullis NAME ACTION [ID]`, whose actions work with the store of the configuration. */
export function deskCommand<Values extends { readonly config?: string | undefined }, Name extends string>({
  actions,
  alone,
  help,
  name,
  read,
}: DeskCommand<Values, Name>): Command {
  return {
    usage: Object.values<Help>(help)
      .map(({ usage }) => usage)
      .join("\n"),
    details: `\`portcullis ${name} ACTION --help\` tells the options of each action.`,
    actions: help,
    async run(args, terminal) {
      const { values, positionals } = read(args);
      const [action, id, ...rest] = positionals;
      const act = pickAction(actions, action);
      const extra = alone.some((each) => each === action) ? id : rest[0];
      if (extra !== undefined) throw new UsageError(`unexpected argument: ${extra}`);
      const config = await requireConfig(values.config, terminal);
      return withDesk(config, terminal, (desk) => act({ desk, values, id, terminal }));
    },
  };
}
