import { createHash } from "node:crypto";
import type { FastifyInstance } from "fastify";
import type { AdminPaths } from "../pages/paths.ts";
import { COPY_SCRIPT } from "./copy.ts";
import { LIVE_SCRIPT } from "./live.ts";

const SCRIPTS = { copy: COPY_SCRIPT, live: LIVE_SCRIPT } as const;

/** `NAME.HASH.js`: another with each change. */
function fileName(name: keyof typeof SCRIPTS): string {
  const hash = createHash("sha256").update(SCRIPTS[name]).digest("hex").slice(0, 16);
  return `${name}.${hash}.js`;
}

const FILES = { copy: fileName("copy"), live: fileName("live") } as const;

/** Paths of the scripts of the admin pages. */
export function scriptPaths(paths: Pick<AdminPaths, "asset">): { readonly copy: string; readonly live: string } {
  return { copy: paths.asset(FILES.copy), live: paths.asset(FILES.live) };
}

/** Serves the scripts; browsers keep them for a year, for their names say what is in them. They hold nothing secret. */
export function registerScripts(scope: FastifyInstance, paths: Pick<AdminPaths, "asset">): void {
  const at = scriptPaths(paths);
  for (const name of ["copy", "live"] as const) {
    scope.get(at[name], (_request, reply) =>
      reply
        .type("text/javascript; charset=utf-8")
        .header("cache-control", "public, max-age=31536000, immutable")
        .send(SCRIPTS[name]),
    );
  }
}
