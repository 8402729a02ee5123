import { createHash } from "node:crypto";
import { readFileSync, watch } from "node:fs";
import { dirname } from "node:path";

/** Changes come in bursts: a rename is two events, a long write many. */
const SETTLE_MS = 50;

/**
 * Calls back once for each change of the file's content. Watches the folder, so it survives a rename over
 * the file and the symlink swap of a Kubernetes volume. While the file is missing nothing is called. Start
 * watching before loading, or a change in between is missed. Throws where the folder cannot be watched.
 * Does not keep the process alive.
 */
export function watchFile(file: string, onChange: () => void): { close(): void } {
  let last = digestOf(file);
  let timer: NodeJS.Timeout | null = null;
  const look = (): void => {
    timer = null;
    const digest = digestOf(file);
    if (digest === null || digest === last) return;
    last = digest;
    onChange();
  };
  const watcher = watch(dirname(file), { persistent: false }, () => {
    // Never put off: other files of the folder may change all the time.
    if (timer !== null) return;
    timer = setTimeout(look, SETTLE_MS);
    timer.unref();
  });
  // The folder went away: there is nothing left to see, and the rules in use stay.
  watcher.on("error", () => watcher.close());
  return {
    close() {
      if (timer !== null) clearTimeout(timer);
      watcher.close();
    },
  };
}

function digestOf(file: string): string | null {
  try {
    return createHash("sha256").update(readFileSync(file)).digest("hex");
  } catch {
    return null;
  }
}
