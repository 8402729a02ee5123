import { ensureProgram, findFirstProgram, type Machine, type ProgramResult } from "./ensure-program.ts";

/** Browsers that behave alike for our tests; Debian's comes first. */
const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"] as const;
const INSTALL =
  "The browser tests need `chromium` on the PATH: install the package chromium (Debian) or Google Chrome.";

/** Absolute path of the Chromium that the PATH of `env` leads to, or `null`. */
export function findChromium(env: NodeJS.ProcessEnv): string | null {
  return findFirstProgram(NAMES, env);
}

/** Makes sure that Chromium can be started; see `ensureProgram`. */
export function ensureChromium(machine: Machine): ProgramResult {
  return ensureProgram({ names: NAMES, aptPackage: "chromium", install: INSTALL }, machine);
}
