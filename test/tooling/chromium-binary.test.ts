import { chmod, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ensureChromium, findChromium } from "../../scripts/testing/chromium-binary.ts";
import type { ProgramResult } from "../../scripts/testing/ensure-program.ts";
import { temporaryFolder } from "./support.ts";

/** An apt-get that writes down how it was called and, where told so, puts chromium beside itself. */
function fakeAptGet(installs: boolean): string {
  const install = `printf '#!/bin/sh\\n' > "$here/chromium"; /bin/chmod +x "$here/chromium"`;
  return `#!/bin/sh
here="\${0%/*}"
echo "$DEBIAN_FRONTEND $*" >> "$here/calls"
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
  const result = ensureChromium({ env: { PATH: bin }, isRoot, log: (line) => log.push(line) });
  return { result, log, bin };
}

describe("Chromium for the browser tests", () => {
  test.each(["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"])(
    "is used where the PATH has it as %s, and nothing is installed",
    async (name) => {
      const { result, log, bin } = await attempt({ [name]: "#!/bin/sh\n", "apt-get": fakeAptGet(true) }, true);
      expect(result).toEqual({ ok: true, path: join(bin, name) });
      expect(log).toEqual([]);
    },
  );

  test("is installed by root with apt-get", async () => {
    const { result, log, bin } = await attempt({ "apt-get": fakeAptGet(true) }, true);
    expect(result).toEqual({ ok: true, path: join(bin, "chromium") });
    expect(log).toEqual(["chromium is not on the PATH; installing it with apt-get"]);
    expect((await readFile(join(bin, "calls"), "utf8")).trimEnd().split("\n")).toEqual([
      "noninteractive -o DPkg::Lock::Timeout=120 -qq update",
      "noninteractive -o DPkg::Lock::Timeout=120 -qq install -y --no-install-recommends chromium",
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
      message: expect.stringMatching(/^[^\n]*`chromium`[^\n]*install[^\n]*$/),
    });
    expect(log).toEqual([]);
  });

  test("is not found where the PATH leads to none", () => {
    expect(findChromium({})).toBeNull();
  });
});
