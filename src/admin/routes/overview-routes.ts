import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { orUnknown } from "../../administration/status.ts";
import type { ClientPolicy } from "../../store/settings.ts";
import { overviewPage, type OverviewView, switchOffPage } from "../pages/overview.ts";
import { action, type Desk, type Handler, page, type Visit } from "./desk.ts";
import { readTexts, textOf, versionOf } from "./forms.ts";

/** Grants that are counted before they end; more are "or more". */
const COUNTED = 1000;

/** The overview, the switch and the client policy. */
export function overviewRoutes(scope: FastifyInstance, desk: Desk): void {
  const { paths, prefix } = desk;
  const home = page(desk, showOverview);
  scope.get(paths.home, home);
  if (prefix !== "") scope.get(`${prefix}/`, home);
  scope.get(paths.mcpSwitch, page(desk, showSwitchOff));
  scope.post(paths.mcpSwitch, action(desk, { tab: "access" }, setMcpAccess));
  scope.get(
    paths.clientPolicy,
    page(desk, async ({ reply }) => reply.redirect(paths.home, 303)),
  );
  scope.post(paths.clientPolicy, action(desk, { tab: "access" }, setClientPolicy));
}

const showOverview: Handler = async ({ desk, show }) => {
  const { access, keys, clients } = desk.administration;
  const [status, settings] = await Promise.all([desk.administration.status(), orUnknown(access.read())]);
  const nothing = settings === null ? [] : await Promise.all([keys.list({ limit: 1 }), clients.list({ limit: 1 })]);
  const { traffic, instance, version, rules, store } = status;
  const view: OverviewView = {
    mcpAccess: settings?.mcpAccess ?? null,
    mcpOffAt: settings?.mcpOffAt ?? null,
    clientPolicy: settings?.clientPolicy ?? null,
    version: settings?.version ?? 0,
    traffic,
    instance: { name: instance, version, rules },
    store: { kind: store.kind === "sqlite" ? "SQLite" : "Redis", up: store.up },
    isNew: nothing.length > 0 && nothing.every(({ items }) => items.length === 0),
  };
  return show(200, (frame) => overviewPage(frame, view));
};

const showSwitchOff: Handler = async ({ desk, reply, show }) => {
  const { access, grants } = desk.administration;
  const settings = await access.read();
  if (!settings.mcpAccess) return reply.redirect(desk.paths.home, 303);
  const [{ traffic }, active] = await Promise.all([
    desk.administration.status(),
    grants.list({ state: "active", limit: COUNTED }),
  ]);
  const counted = { count: active.items.length, more: active.next !== null };
  return show(200, (frame) =>
    switchOffPage(frame, { version: settings.version, grants: counted, openStreams: traffic.openStreams }),
  );
};

const switchForm = z.object({ mcp_access: textOf(), version: versionOf });

const setMcpAccess: Handler = async (visit) => {
  const { actor, desk, leadTo, request } = visit;
  const form = readTexts(request.body, switchForm);
  // The confirmation of the switch sends no value: it stands for "off".
  const on = form?.mcp_access === "on";
  const outcome = await desk.administration.access.set(actor, { mcpAccess: on }, form?.version);
  if (outcome.kind === "conflict") return conflict(visit);
  const done = on ? "mcp_on" : "mcp_off";
  return leadTo(desk.paths.home, outcome.kind === "unchanged" ? "unchanged" : done);
};

const policyForm = z.object({ policy: textOf(), version: versionOf });
const POLICIES: readonly ClientPolicy[] = ["approved", "open", "off"];

const setClientPolicy: Handler = async (visit) => {
  const { actor, desk, leadTo, request, stop } = visit;
  const form = readTexts(request.body, policyForm);
  const policy = POLICIES.find((each) => each === form?.policy);
  if (policy === undefined) {
    const link = { label: "Choose again", href: desk.paths.home };
    return stop(422, { tab: "access", title: "Nothing was changed", text: "No client policy was chosen.", link });
  }
  const outcome = await desk.administration.access.set(actor, { clientPolicy: policy }, form?.version);
  if (outcome.kind === "conflict") return conflict(visit);
  return leadTo(desk.paths.home, outcome.kind === "unchanged" ? "unchanged" : "policy");
};

function conflict({ desk, stop }: Visit) {
  return stop(409, {
    tab: "access",
    title: "Somebody changed this meanwhile",
    text: "Nothing was written. Look at how it is now, and decide again.",
    link: { label: "See how it is now", href: desk.paths.home },
  });
}
