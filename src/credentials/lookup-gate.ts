export interface LookupGate {
  /** Waits for a turn. Resolves false, at once, where too many wait already. Whoever got true calls `leave`. */
  enter(): Promise<boolean>;
  leave(): void;
}

/**
 * Bounds how many store look-ups, or passwords, are worked on (`concurrent`) and how many wait for one to end (`queued`),
 * so that a slow store never piles up work.
 */
export function createLookupGate({
  concurrent,
  queued,
}: {
  readonly concurrent: number;
  readonly queued: number;
}): LookupGate {
  let running = 0;
  let waiting: ((turn: boolean) => void)[] = [];
  let next = 0;
  const accepted = Promise.resolve(true);
  const refused = Promise.resolve(false);

  return {
    enter() {
      if (running < concurrent) {
        running += 1;
        return accepted;
      }
      if (waiting.length - next >= queued) return refused;
      return new Promise<boolean>((resolve) => {
        waiting.push(resolve);
      });
    },
    leave() {
      const first = waiting[next];
      if (first === undefined) {
        running -= 1;
        waiting = [];
        next = 0;
        return;
      }
      next += 1;
      if (next > 1024) {
        waiting = waiting.slice(next);
        next = 0;
      }
      first(true);
    },
  };
}
