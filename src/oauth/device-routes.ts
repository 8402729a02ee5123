import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { readForm } from "../web/form.ts";
import { sendPage } from "../web/send.ts";
import { aboutOf, registerPageParsers } from "../web/server.ts";
import { approveWhileOpen } from "./approve-while-open.ts";
import { judgeDecision, type PostedDecision } from "./consent.ts";
import {
  auditOf,
  type ConsentPagesOptions,
  consentView,
  decisionFields,
  type Exchange,
  postedCsrf,
  say,
  sayClosed,
  STALE_FORM,
} from "./consent-pages.ts";
import { type ConsentRequest, readConsentRequest } from "./consent-request.ts";
import type { DeviceCodeGuard, Guess } from "./device-code-guard.ts";
import type { DeviceCodes, PendingDevice } from "./device-codes.ts";
import { deviceCodePage, deviceConfirmPage } from "./pages/device.ts";
import { donePage } from "./pages/messages.ts";
import { formatUserCode, readUserCode } from "./user-code.ts";

export interface DeviceRoutesOptions extends ConsentPagesOptions {
  readonly codes: DeviceCodes;
  readonly guard: DeviceCodeGuard;
}

/** A request whose code is right and undecided. */
interface Entered extends Exchange {
  /** As `readUserCode` makes it. */
  readonly code: string;
  readonly device: PendingDevice;
}

type Open = Extract<ConsentRequest, { kind: "open" }>;

const decisionForm = z.object({ ...decisionFields, user_code: z.string() });
const codeForm = z.object({ user_code: z.string(), decision: z.undefined().optional() });

/** One answer for every code that does not fit: nothing is told about why. */
const WRONG_CODE = "No device shows this code now. Check it, or get a new one from the device.";
const DONE_ALREADY = {
  title: "This was answered already",
  text: "Your first answer counts. You can close this page and go back to your device.",
  success: false,
};
const APPROVED = {
  title: "Device connected",
  text: "You can close this page and go back to your device.",
  success: true,
};
const DENIED = { title: "Device denied", text: "It gets no access. You can close this page.", success: false };

/** GET and POST `device`: a person types the code of a device and decides about it (RFC 8628, section 3.3). */
export function deviceRoutes(options: DeviceRoutesOptions): FastifyPluginAsync {
  const url = `${options.path}/device`;
  return async (scope) => {
    await registerPageParsers(scope);
    scope.get(url, async (request, reply) => {
      const code = linkedCode(request);
      const who = await options.gate.current(request);
      if (who === null) return reply.redirect(options.gate.signInUrl(returnTo(url, code)), 303);
      return askCode({ request, reply, who }, options, { status: 200, code, problem: null });
    });
    scope.post(url, async (request, reply) => {
      const code = postedCode(request.body);
      const who = await options.gate.current(request);
      if (who === null) return reply.redirect(options.gate.signInUrl(returnTo(url, code)), 303);
      return takeCode({ request, reply, who }, options, code);
    });
  };
}

/** The code of `verification_uri_complete`; what is none is left out, so that the page never shows foreign text. */
function linkedCode({ query }: FastifyRequest): string {
  const given = z.object({ user_code: z.string() }).safeParse(query).data?.user_code ?? "";
  return tidy(given);
}

function tidy(given: string): string {
  const code = readUserCode(given);
  return code === null ? "" : formatUserCode(code);
}

function postedCode(body: unknown): string {
  return z.object({ user_code: z.string() }).safeParse(body).data?.user_code ?? "";
}

function returnTo(url: string, code: string): string {
  const known = tidy(code);
  return known === "" ? url : `${url}?user_code=${known}`;
}

function askCode(
  { reply, who }: Exchange,
  { gate, path }: DeviceRoutesOptions,
  shown: { readonly status: number; readonly code: string; readonly problem: string | null },
): FastifyReply {
  const form = { action: `${path}/device`, csrf: gate.csrfToken(who), code: shown.code, problem: shown.problem };
  return sendPage(reply, shown.status, deviceCodePage(gate.chrome(who), form));
}

async function takeCode(exchange: Exchange, options: DeviceRoutesOptions, typed: string): Promise<FastifyReply> {
  const { request, reply, who } = exchange;
  if (!options.gate.checkCsrf(who, postedCsrf(request.body))) {
    return askCode(exchange, options, { status: 403, code: tidy(typed), problem: STALE_FORM });
  }
  if (typed.trim() === "") return askCode(exchange, options, { status: 400, code: "", problem: WRONG_CODE });
  const guess = await options.guard.begin({ personId: who.person.id, address: aboutOf(request).clientIp });
  if (guess.kind === "refused") {
    const { waitMs } = guess;
    auditOf(exchange, options.audit)({ action: "device.throttled", decision: "deny", reason: "too_many_codes" });
    reply.header("retry-after", Math.ceil(waitMs / 1000));
    const minutes = Math.ceil(waitMs / 60_000);
    const text = `Wait ${minutes === 1 ? "a minute" : `${minutes} minutes`}, then get a new code from the device.`;
    return say(exchange, options, 429, { title: "Too many wrong codes", text });
  }
  return lookUp(exchange, options, typed, guess);
}

async function lookUp(
  exchange: Exchange,
  options: DeviceRoutesOptions,
  typed: string,
  guess: Extract<Guess, { readonly kind: "counted" }>,
): Promise<FastifyReply> {
  const code = readUserCode(typed);
  const found = code === null ? null : await options.codes.find(code);
  const own = found?.kind === "decided" && found.by === exchange.who.person.id;
  if (code === null || found === null || (found.kind === "decided" && !own)) {
    auditOf(exchange, options.audit)({ action: "device.wrong_code", decision: "deny", reason: "unknown_user_code" });
    return askCode(exchange, options, { status: 400, code: typed.slice(0, 64), problem: WRONG_CODE });
  }
  await guess.right();
  if (found.kind === "decided") return done(exchange, options, 409, DONE_ALREADY);
  return decideOn({ ...exchange, code, device: found.device }, options);
}

function done(
  { reply, who }: Exchange,
  { gate }: DeviceRoutesOptions,
  status: number,
  message: typeof APPROVED,
): FastifyReply {
  return sendPage(reply, status, donePage(gate.chrome(who), message));
}

async function decideOn(entered: Entered, options: DeviceRoutesOptions): Promise<FastifyReply> {
  const { device, request, who } = entered;
  const { body } = request;
  const form = readForm(body, decisionForm);
  if (form.ok && form.value.decision === "deny") return deny(entered, options);
  const found = await readConsentRequest(device.params, who.person, options);
  if (found.kind !== "open") return sayClosed(entered, found, options);
  if (!form.ok) {
    if (readForm(body, codeForm).ok) return confirm(entered, options, found, { status: 200 });
    return confirm(entered, options, found, {
      status: 400,
      problem: "The form was not complete. Please choose again.",
    });
  }
  const decision = judgeDecision(form.value, found.offer);
  switch (decision.kind) {
    case "denied":
      return deny(entered, options);
    case "invalid":
      return confirm(entered, options, found, { status: 400, posted: form.value, problem: decision.problem });
    case "approved":
      return approve(entered, options, found, decision);
  }
}

function confirm(
  { code, device, reply, who }: Entered,
  options: DeviceRoutesOptions,
  found: Open,
  shown: { readonly status: number; readonly posted?: PostedDecision; readonly problem?: string },
): FastifyReply {
  const view = consentView(found, options, {
    who,
    action: `${options.path}/device`,
    redirectHost: null,
    posted: shown.posted ?? null,
    problem: shown.problem ?? null,
  });
  const { requestedFrom } = device;
  const page = deviceConfirmPage(options.gate.chrome(who), {
    ...view,
    userCode: formatUserCode(code),
    requestedFrom,
  });
  return sendPage(reply, shown.status, page);
}

async function deny(entered: Entered, options: DeviceRoutesOptions): Promise<FastifyReply> {
  const claimed = await options.codes.claim(entered.device, entered.who.person.id);
  if (claimed === null) return done(entered, options, 409, DONE_ALREADY);
  await options.codes.deny(claimed);
  auditOf(
    entered,
    options.audit,
  )({
    action: "device.deny",
    target: String(entered.device.params["client_id"]),
    decision: "deny",
    reason: "person_denied",
  });
  return done(entered, options, 200, DENIED);
}

async function approve(
  entered: Entered,
  options: DeviceRoutesOptions,
  { asked, client, resource }: Open,
  decision: Extract<ReturnType<typeof judgeDecision>, { kind: "approved" }>,
): Promise<FastifyReply> {
  const { device, who } = entered;
  const claimed = await options.codes.claim(device, who.person.id);
  if (claimed === null) return done(entered, options, 409, DONE_ALREADY);
  const { scopes, portal } = decision;
  const { oidcScopes } = asked;
  const flow = "device_code";
  const approval = { person: who.person, client, scopes, oidcScopes, portal, resource, flow } as const;
  const made = await approveWhileOpen(approval, device.params, options);
  if (made.kind !== "granted") {
    await options.codes.deny(claimed);
    return sayClosed(entered, made, options);
  }
  const { grant } = made;
  const scope = [...oidcScopes, ...scopes].join(" ");
  const told = { grant, scope, resource: resource.asked, signedInAt: who.signedInAt };
  if (!(await options.codes.approve(claimed, told))) {
    await options.grants.revoke(grant.id, options.clock.now());
    const text = "The code ran out while you decided. Get a new one from the device.";
    return say(entered, options, 409, { title: "Too late", text });
  }
  auditOf(
    entered,
    options.audit,
  )({
    action: "device.approve",
    target: grant.id,
    detail: `client ${client.id}; scopes ${scopes.join(" ")}; ${portal === null ? "all portals" : `portal ${portal}`}`,
  });
  return done(entered, options, 200, APPROVED);
}
