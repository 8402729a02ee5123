import { Browser, type Page } from "./browserless.ts";

/** Somebody who can sign in. */
export interface SignInAs {
  readonly email: string;
  readonly password: string;
}

/** What the person chooses on the consent page; the page's own choice where left out. */
export interface Choice {
  readonly decision?: "approve" | "deny";
  readonly portal?: string;
  readonly scope?: readonly string[];
}

/** Opens a page that wants a signed-in person, and signs in. Returns the page behind. */
export async function openSignedIn(browser: Browser, url: string, { email, password }: SignInAs): Promise<Page> {
  const page = await browser.open(url);
  if (!page.forms.some(({ fields }) => fields.some(([name]) => name === "password"))) return page;
  const after = await browser.submit(page, { email, password });
  if (after.location === null) throw new Error(`sign-in failed: ${after.status} ${after.text.slice(0, 400)}`);
  return browser.follow(after);
}

/**
 * Goes from an authorization URL over sign-in and consent to the client's redirect URI, which is not asked for.
 * Returns that URL, with its code or its error.
 */
export async function authorize(url: string, person: SignInAs, choice: Choice = {}): Promise<string> {
  const browser = new Browser();
  const ours = new URL(url).origin;
  const consent = await openSignedIn(browser, url, person);
  const decided = await browser.submit(consent, fieldsOf(choice), { action: "/interaction/" });
  const last = await browser.follow(decided, (location) => new URL(location).origin !== ours);
  if (last.location === null) throw new Error(`no redirect: ${last.status} at ${last.url}: ${last.text.slice(0, 800)}`);
  return last.location;
}

/** Types a device's code, signs in, and decides. Returns the last page. */
export async function approveDevice(verificationUri: string, person: SignInAs, choice: Choice = {}): Promise<Page> {
  const browser = new Browser();
  const form = await openSignedIn(browser, verificationUri, person);
  const confirm = await browser.follow(browser.submit(form, {}, { action: "/device" }));
  return browser.follow(await browser.submit(confirm, fieldsOf(choice), { action: "/device" }));
}

function fieldsOf({ decision = "approve", portal, scope }: Choice): Record<string, string | readonly string[]> {
  return { decision, ...(portal === undefined ? {} : { portal }), ...(scope === undefined ? {} : { scope }) };
}
