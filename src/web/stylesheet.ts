import { createHash } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { ADMIN_STYLES } from "./admin-styles.ts";
import { STYLES } from "./styles.ts";

const SHEET = STYLES + ADMIN_STYLES;
const HASH = createHash("sha256").update(SHEET).digest("hex").slice(0, 16);
const NAME = `portcullis.${HASH}.css`;

/** Path of the stylesheet under `prefix`, such as `/signin/portcullis.0123456789abcdef.css`: another with each change. */
export function stylesheetPath(prefix: string): string {
  return `${prefix}/${NAME}`;
}

/** Serves the stylesheet at `stylesheetPath(prefix)`; browsers keep it for a year, for its name says what is in it. */
export function registerStylesheet(scope: FastifyInstance, prefix: string): void {
  scope.get(stylesheetPath(prefix), (_request, reply) =>
    reply.type("text/css; charset=utf-8").header("cache-control", "public, max-age=31536000, immutable").send(SHEET),
  );
}
