import { once } from "node:events";
import { EventEmitter } from "node:events";
import { mkdir, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { watchFile } from "../../src/config/watch.ts";
import { Folder } from "./folder.ts";

/** Watches with a counter and a promise for the next call. */
function observe(file: string) {
  const events = new EventEmitter();
  let calls = 0;
  const watcher = watchFile(file, () => {
    calls++;
    events.emit("change");
  });
  return {
    calls: () => calls,
    next: () => once(events, "change", { signal: AbortSignal.timeout(10_000) }),
    [Symbol.dispose]: () => {
      watcher.close();
    },
  };
}

describe("watchFile", () => {
  it("calls once for each change of the content, and not for the same content again", async () => {
    await using folder = await Folder.make();
    const file = await folder.write("rules.yaml", "a");
    using seen = observe(file);
    let next = seen.next();
    await writeFile(file, "b");
    await next;
    await writeFile(file, "b");
    await folder.write("other.yaml", "x");
    next = seen.next();
    await writeFile(file, "c");
    await next;
    expect(seen.calls()).toBe(2);
  });

  it("sees a file renamed over the old one, again and again", async () => {
    await using folder = await Folder.make();
    const file = await folder.write("rules.yaml", "0");
    using seen = observe(file);
    for (const content of ["1", "2", "3"]) {
      const next = seen.next();
      await rename(await folder.write("rules.tmp", content), file);
      await next;
    }
    expect(seen.calls()).toBe(3);
  });

  it("sees the symlink swap of a Kubernetes volume", async () => {
    await using folder = await Folder.make();
    for (const version of ["v1", "v2"]) {
      await mkdir(join(folder.path, version));
      await folder.write(`${version}/rules.yaml`, version);
    }
    await symlink("v1", join(folder.path, "..data"));
    const file = join(folder.path, "rules.yaml");
    await symlink("..data/rules.yaml", file);
    using seen = observe(file);
    const next = seen.next();
    await symlink("v2", join(folder.path, "..tmp"));
    await rename(join(folder.path, "..tmp"), join(folder.path, "..data"));
    await rm(join(folder.path, "v1"), { recursive: true });
    await next;
    expect(seen.calls()).toBe(1);
  });

  it("waits for a removed file to come back", async () => {
    await using folder = await Folder.make();
    const file = await folder.write("rules.yaml", "a");
    using seen = observe(file);
    await unlink(file);
    const next = seen.next();
    await writeFile(file, "b");
    await next;
    expect(seen.calls()).toBe(1);
  });

  it("is silent once closed", async () => {
    await using folder = await Folder.make();
    const file = await folder.write("rules.yaml", "a");
    using control = observe(file);
    const closed = observe(file);
    closed[Symbol.dispose]();
    const next = control.next();
    await writeFile(file, "b");
    await next;
    expect(closed.calls()).toBe(0);
  });

  it("throws where the folder is not there", () => {
    expect(() => watchFile("/nowhere/rules.yaml", () => undefined)).toThrow("ENOENT");
  });
});
