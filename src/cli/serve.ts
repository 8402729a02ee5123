import { InvalidRules } from "../app/rules-source.ts";
import { type App, startApp } from "../app/app.ts";
import { type Command, CommandFailure, CONFIG_OPTION, readArgs, UsageError } from "./command.ts";
import { requireConfig } from "./config-file.ts";
import { portFailure } from "./port-failure.ts";
import { closeTelling, takeSignals } from "./signals.ts";

/** `portcullis serve`: the sidecar. SIGTERM drains and exits 0; SIGHUP reads the rules again. */
export const serve: Command = {
  usage: "portcullis serve [--config FILE]",
  details: `${CONFIG_OPTION}

SIGTERM or Ctrl-C: takes no more requests, lets open ones end for \`limits.drain\` (default 30s), then exits 0.
A second one ends it at once, with exit 1.
SIGHUP: reads rules and certificates again and reopens the audit files. A change of the configuration needs a restart.

Exit codes: 0 stopped by a signal, 1 it could not start, or was ended while stopping, 2 wrong usage.

Example: portcullis serve --config config/portcullis.yaml`,
  async run(args, terminal) {
    const { values, positionals } = readArgs(args, { config: { type: "string" } });
    if (positionals.length > 0) throw new UsageError(`unexpected argument: ${positionals[0]}`);
    const config = await requireConfig(values.config, terminal);
    const signals = takeSignals();
    const app = await startApp(config, { env: terminal.env }).catch((error: unknown) => {
      if (error instanceof InvalidRules) throw new CommandFailure(error.message);
      throw portFailure(error, config, "give another there") ?? error;
    });
    // Where audit lines go to standard output, nothing else does.
    const tell = config.audit.sinks.some((sink) => "stdout" in sink) ? terminal.error : terminal.out;
    tell(`portcullis serves ${app.publicUrl} (admin ${app.adminUrl})\n`);
    signals.onReload(() => void app.reload());
    if ((await app.store.problems()).length > 0) terminal.error(WITHOUT_STORE);
    void tellSetupUrl(app, tell);
    await signals.stopped;
    await closeTelling(app, config.limits.drain, terminal);
    return 0;
  },
};

const WITHOUT_STORE =
  "The store does not answer (see store.url): public routes are served, others get 503 until it does.\n";

/** Once the store serves, which may be never. */
async function tellSetupUrl(app: App, tell: (text: string) => void): Promise<void> {
  await app.store.served;
  // Where it fails again right then, `users add` makes the first administrator too.
  const url = await app.setupUrl().catch(() => null);
  if (url !== null) tell(firstAdministrator(url, app.adminUrl));
}

/** The link is a secret: it goes to the terminal and nowhere else. */
function firstAdministrator(setupUrl: string, adminUrl: string): string {
  return `
Nobody can sign in yet. Make the first administrator with this link, once, within an hour:
  ${setupUrl}
or with: portcullis users add --admin --email YOUR@EMAIL --name "Your name"
The administrators' pages, Settings › MCP Access, are at ${adminUrl}/
`;
}
