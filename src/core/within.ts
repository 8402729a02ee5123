const LATE = Symbol("late");

/** What `work` gives, or after `ms` what `late` does. Rejects as either does; what comes of `work` later is dropped. */
export async function within<T>(ms: number, work: Promise<T>, late: () => T): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<typeof LATE>();
  const timer = setTimeout(() => resolve(LATE), ms);
  try {
    const first = await Promise.race([work, promise]);
    return first === LATE ? late() : first;
  } finally {
    clearTimeout(timer);
  }
}
