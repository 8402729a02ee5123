/** Attributes of our pages that take a URL. */
export const URL_ATTRIBUTES: ReadonlySet<string> = new Set(["href", "action", "src", "formaction"]);

/** Spaces, controls and `\` are read in more than one way; they never stand in a URL of ours. */
const ODD = /[^\x21-\x7e]|[\\"<>`{}|^]/;

/**
 * True for what a link or a form of our pages may lead to: a path of this origin (`/…`, not `//…`), `#…`, `?…`, or an
 * absolute http or https URL without user name and password.
 */
export function isSafeUrl(url: string): boolean {
  if (url === "" || ODD.test(url)) return false;
  if (url.startsWith("#") || url.startsWith("?")) return true;
  if (url.startsWith("/")) return !url.startsWith("//");
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) return false;
  const { username, password } = new URL(url);
  return username === "" && password === "";
}
