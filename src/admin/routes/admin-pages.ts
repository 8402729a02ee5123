import type { FastifyPluginAsync } from "fastify";
import { registerPageParsers } from "../../web/server.ts";
import { registerScripts } from "../assets/assets.ts";
import { activityRoutes } from "./activity-routes.ts";
import { clientRoutes } from "./client-routes.ts";
import { type AdminPagesOptions, createDesk } from "./desk.ts";
import { explainRoutes } from "./explain-routes.ts";
import { grantRoutes } from "./grant-routes.ts";
import { keyRoutes } from "./key-routes.ts";
import { overviewRoutes } from "./overview-routes.ts";
import { peopleRoutes } from "./people-routes.ts";
import { tokenRoutes } from "./token-routes.ts";

export type { AdminPagesOptions, Examples } from "./desk.ts";

/**
 * `Settings › MCP Access`: every page of it under `prefix`, for administrators who are signed in. Others are sent to
 * sign in, or told that it is not for them. Every form needs the CSRF token of the session, and leads on to a page that
 * can be loaded again; secrets that are shown once are on the answer to the form itself.
 */
export function adminPages(options: AdminPagesOptions): FastifyPluginAsync {
  return async (scope) => {
    await registerPageParsers(scope);
    // No window that a page of ours opened, or was opened by, is to reach it.
    scope.addHook("onRequest", async (_request, reply) => {
      reply.header("cross-origin-opener-policy", "same-origin");
    });
    const desk = createDesk(options);
    registerScripts(scope, desk.paths);
    overviewRoutes(scope, desk);
    keyRoutes(scope, desk);
    clientRoutes(scope, desk);
    grantRoutes(scope, desk);
    activityRoutes(scope, desk);
    explainRoutes(scope, desk);
    peopleRoutes(scope, desk);
    tokenRoutes(scope, desk);
  };
}
