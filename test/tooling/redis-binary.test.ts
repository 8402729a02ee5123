import { chmod, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findProgram, type ProgramResult } from "../../scripts/testing/ensure-program.ts";
import { ensureRedisServer } from "../../scripts/testing/redis-binary.ts";
import { temporaryFolder } from "./support.ts";

/** An apt-get that writes down how it was called and, where told so, puts redis-server beside itself. */
function fakeAptGet(installs: boolean): string {
  const install = `printf '#!/bin/sh\\n' > "$here/redis-server"; /bin/chmod +x "$here/redis-server"`;
  return `#!/bin/sh
here="\${0%/*}"
echo "$DEBIAN_FRONTEND $RUNLEVEL $*" >> "$here/calls"
case "$*" in *install*) ${installs ? install : 'echo "no such package"; exit 100'} ;; esac
`;
}

interface Attempt {
  readonly result: ProgramResult;
  readonly log: readonly string[];
  readonly bin: string;
}

async function attempt(files: Readonly<Record<string, string>>, isRoot: boolean): Promise<Attempt> {
  const bin = await temporaryFolder(files);
  for (const name of Object.keys(files)) await chmod(join(bin, name), 0o755);
  const log: string[] = [];
  const result = ensureRedisServer({ env: { PATH: bin }, isRoot, log: (line) => log.push(line) });
  return { result, log, bin };
}

describe("redis-server for the tests", () => {
  test("is used where the PATH has it, and nothing is installed", async () => {
    const { result, log, bin } = await attempt({ "redis-server": "#!/bin/sh\n", "apt-get": fakeAptGet(true) }, true);
    expect(result).toEqual({ ok: true, path: join(bin, "redis-server") });
    expect(log).toEqual([]);
  });

  test("is installed by root with apt-get, quietly and without its service", async () => {
    const { result, log, bin } = await attempt({ "apt-get": fakeAptGet(true) }, true);
    expect(result).toEqual({ ok: true, path: join(bin, "redis-server") });
    expect(log).toEqual(["redis-server is not on the PATH; installing it with apt-get"]);
    expect((await readFile(join(bin, "calls"), "utf8")).trimEnd().split("\n")).toEqual([
      "noninteractive 1 -o DPkg::Lock::Timeout=120 -qq update",
      "noninteractive 1 -o DPkg::Lock::Timeout=120 -qq install -y --no-install-recommends redis-server",
    ]);
  });

  test("is asked for in one line where the installation fails, after what apt-get said", async () => {
    const { result, log } = await attempt({ "apt-get": fakeAptGet(false) }, true);
    expect(result).toMatchObject({ ok: false, message: expect.stringMatching(/^apt-get could not install [^\n]+$/) });
    expect(log).toContain("no such package");
  });

  test.each([
    ["a user who isn't root", { "apt-get": fakeAptGet(true) }, false],
    ["a system without apt-get", {}, true],
  ])("is asked for in one line from %s", async (_name, files, isRoot) => {
    const { result, log } = await attempt(files, isRoot);
    expect(result).toMatchObject({
      ok: false,
      message: expect.stringMatching(/^[^\n]*`redis-server`[^\n]*install[^\n]*$/),
    });
    expect(log).toEqual([]);
  });

  test("is found along the PATH in its order, past folders that don't exist and files that can't be run", async () => {
    const first = await temporaryFolder({ tool: "" });
    const second = await temporaryFolder({ tool: "" });
    await chmod(join(second, "tool"), 0o755);
    expect(findProgram("tool", { PATH: `/does/not/exist::${first}:${second}` })).toBe(join(second, "tool"));
    expect(findProgram("tool", {})).toBeNull();
  });
});
