import type { Terminal } from "./command.ts";

export interface Signals {
  /** Calls `reload` on each SIGHUP from now on, and at once where one came before. */
  onReload(reload: () => void): void;
  /** Resolves on the first SIGTERM or SIGINT. */
  readonly stopped: Promise<void>;
}

/**
 * Takes the signals of the process over. Call it before the start: a SIGHUP that comes while things are being
 * started would else end the process, and a SIGTERM leave them half done. A second SIGTERM or SIGINT ends it at once.
 */
export function takeSignals(): Signals {
  let reload: (() => void) | null = null;
  let reloadWanted = false;
  const { promise, resolve } = Promise.withResolvers<void>();
  let stoppingSince: number | null = null;
  const stop = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    if (stoppingSince === null) {
      stoppingSince = now;
      resolve();
    } else if (signal === "SIGTERM" || now - stoppingSince > SAME_KEY_MS) {
      process.exit(1);
    }
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.on("SIGHUP", () => {
    if (reload === null) reloadWanted = true;
    else reload();
  });
  return {
    onReload(callback) {
      reload = callback;
      if (reloadWanted) callback();
    },
    stopped: promise,
  };
}

/** One Ctrl-C comes twice under npm: from the terminal to the whole group, and from npm to its child. */
const SAME_KEY_MS = 500;

/** Says that it stops and for how long that may take, closes, and says that it is done. */
export async function closeTelling(
  closing: { openRequests(): number; close(): Promise<void> },
  drainMs: number,
  terminal: Terminal,
): Promise<void> {
  const open = closing.openRequests();
  const requests = open === 1 ? "1 open request" : `${open} open requests`;
  terminal.error(`stopping: ${requests}, up to ${drainMs / 1000}s; a second Ctrl-C ends at once\n`);
  await closing.close();
  terminal.error("stopped\n");
}
