import { createHash } from "node:crypto";
import type { FastifyInstance } from "fastify";
import type { AdminPaths } from "../pages/paths.ts";
import { COPY_SCRIPT } from "./copy.ts";
import { LIVE_SCRIPT } from "./live.ts";
import { ONCE_SCRIPT } from "./once.ts";

const SCRIPTS = { copy: COPY_SCRIPT, live: LIVE_SCRIPT, once: ONCE_SCRIPT } as const;

type Name = keyof typeof SCRIPTS;
export type ScriptPaths = Readonly<Record<Name, string>>;

/** `NAME.HASH.js`: another with each change. */
function fileName(name: Name): string {
  const hash = createHash("sha256").update(SCRIPTS[name]).digest("hex").slice(0, 16);
  return `${name}.${hash}.js`;
}

const FILES = { copy: fileName("copy"), live: fileName("live"), once: fileName("once") } as const;

/** Paths of the scripts of the admin pages. */
export function scriptPaths(paths: Pick<AdminPaths, "asset">): ScriptPaths {
  return { copy: paths.asset(FILES.copy), live: paths.asset(FILES.live), once: paths.asset(FILES.once) };
}

/** Serves the scripts; browsers keep them for a year, for their names say what is in them. They hold nothing secret. */
export function registerScripts(scope: FastifyInstance, paths: Pick<AdminPaths, "asset">): void {
  const at = scriptPaths(paths);
  for (const name of ["copy", "live", "once"] as const) {
    scope.get(at[name], (_request, reply) =>
      reply
        .type("text/javascript; charset=utf-8")
        .header("cache-control", "public, max-age=31536000, immutable")
        .send(SCRIPTS[name]),
    );
  }
}
