/**
 * Resolves on SIGTERM or SIGINT. A second one while things are being closed ends the process at once.
 * SIGHUP calls `reload`.
 */
export function untilStopped({ reload }: { readonly reload: () => void }): Promise<void> {
  process.on("SIGHUP", reload);
  return new Promise((resolve) => {
    let stopping = false;
    const stop = (): void => {
      if (stopping) process.exit(1);
      stopping = true;
      resolve();
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
  });
}
