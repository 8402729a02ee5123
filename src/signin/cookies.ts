import type { FastifyRequest } from "fastify";
import { ownCookieName } from "../core/own-cookies.ts";

/** Base names of the cookies; `createCookies` puts `__Host-` before them on https. */
export const SESSION_COOKIE = ownCookieName("session");
/** Binds the forms of somebody who has not signed in yet. */
export const VISIT_COOKIE = ownCookieName("visit");
/** Says, signed, who signed in from this browser before. */
export const DEVICE_COOKIE = ownCookieName("device");
/** Binds a sign-in at the company's provider to the browser that began it. */
export const COMPANY_COOKIE = ownCookieName("company");
/** Holds the one-time token between the link and the form of the first administrator. */
export const SETUP_COOKIE = ownCookieName("setup");

/** The value of a cookie that can be one of ours: 1 to 512 characters of base64url and dots. */
export function presentedCookie(request: FastifyRequest, name: string): string | null {
  const value = request.cookies[name];
  return value !== undefined && /^[\w.-]{1,512}$/.test(value) ? value : null;
}
