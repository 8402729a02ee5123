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
  let stopping = false;
  const stop = (): void => {
    if (stopping) process.exit(1);
    stopping = true;
    resolve();
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
