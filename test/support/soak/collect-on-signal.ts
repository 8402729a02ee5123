/** Preloaded into the sidecar by the soak test: SIGUSR2 collects garbage, so that memory can be compared. */
const collect: unknown = Reflect.get(globalThis, "gc");
process.on("SIGUSR2", () => {
  if (typeof collect === "function") collect();
});
