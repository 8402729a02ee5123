import { InvalidRules } from "../app/rules-source.ts";
import { startApp } from "../app/app.ts";
import { type Command, CommandFailure, readArgs, UsageError } from "./command.ts";
import { requireConfig } from "./config-file.ts";
import { takeSignals } from "./signals.ts";

/** `portcullis serve`: the sidecar. SIGTERM drains and exits 0; SIGHUP reads the rules again. */
export const serve: Command = {
  name: "serve",
  summary: "run the sidecar",
  usage: "portcullis serve [--config FILE]",
  async run(args, terminal) {
    const { values, positionals } = readArgs(args, { config: { type: "string" } });
    if (positionals.length > 0) throw new UsageError(`unexpected argument: ${positionals[0]}`);
    const config = await requireConfig(values.config, terminal);
    const signals = takeSignals();
    const app = await startApp(config, { env: terminal.env }).catch((error: unknown) => {
      throw error instanceof InvalidRules ? new CommandFailure(error.message) : error;
    });
    // Where audit lines go to standard output, nothing else does.
    const tell = config.audit.sinks.some((sink) => "stdout" in sink) ? terminal.error : terminal.out;
    tell(`portcullis serves ${app.publicUrl} (admin ${app.adminUrl})\n`);
    signals.onReload(() => void app.reload());
    await signals.stopped;
    await app.close();
    return 0;
  },
};
