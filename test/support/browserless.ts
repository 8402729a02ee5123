/** A browser without an engine: real requests, a cookie jar, redirects by hand, forms as the page has them. */

export interface FormOnPage {
  readonly action: string;
  readonly method: string;
  /** What would be sent untouched: hidden fields, values, ticked boxes. A name may come more than once. */
  readonly fields: readonly (readonly [string, string])[];
}

export interface Page {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** `Location`, made absolute; `null` where it has none. */
  readonly location: string | null;
  readonly forms: readonly FormOnPage[];
}

type Fields = Readonly<Record<string, string | readonly string[]>>;

interface Cookie {
  readonly value: string;
  readonly path: string;
  readonly secure: boolean;
  readonly attributes: string;
}

const MOST_REDIRECTS = 20;

/** Cookies are kept by host, whatever the port, as browsers do. Loopback counts as secure. */
export class Browser {
  readonly #jar = new Map<string, Map<string, Cookie>>();
  /** Sent with every request, such as a `User-Agent`. */
  readonly headers: Record<string, string> = {};

  /** One request; redirects are not followed. */
  async request(
    url: string,
    options: { readonly method?: string; readonly body?: string; readonly headers?: Record<string, string> } = {},
  ): Promise<Page> {
    const { hostname, pathname } = new URL(url);
    const cookies = [...(this.#jar.get(hostname) ?? [])]
      .filter(([, { path }]) => path === "/" || pathname === path || pathname.startsWith(`${path}/`))
      .map(([name, { value }]) => `${name}=${value}`);
    const headers: Record<string, string> = { accept: "text/html", ...this.headers, ...options.headers };
    if (cookies.length > 0) headers["cookie"] ??= cookies.join("; ");
    const body = options.body === undefined ? {} : { body: options.body };
    const response = await fetch(url, { method: options.method ?? "GET", ...body, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) this.#keep(hostname, pathname, line);
    return pageOf(url, response, await response.text());
  }

  get(url: string, headers: Record<string, string> = {}): Promise<Page> {
    return this.request(url, { headers });
  }

  /** Sends a form, with the `Origin` that a browser sends from a page of the same site unless told otherwise. */
  post(url: string, fields: Fields | readonly (readonly [string, string])[], headers: Record<string, string> = {}) {
    return this.request(url, {
      method: "POST",
      body: new URLSearchParams(pairsOf(fields)).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded", origin: new URL(url).origin, ...headers },
    });
  }

  /** Follows redirects to the end, or to the first whose target `until` takes: that page is not asked for. */
  async follow(page: Page | Promise<Page>, until: (location: string) => boolean = () => false): Promise<Page> {
    let at = await page;
    for (let step = 0; at.location !== null && !until(at.location); step += 1) {
      if (step === MOST_REDIRECTS) throw new Error(`too many redirects: ${at.location}`);
      at = await this.get(at.location);
    }
    return at;
  }

  /** Asks for a page and follows redirects. */
  open(url: string): Promise<Page> {
    return this.follow(this.get(url));
  }

  /** Fills in a form of a page (the first whose action contains `action`) and sends it. Does not follow. */
  submit(
    page: Page,
    fields: Fields,
    options: { readonly action?: string; readonly headers?: Record<string, string> } = {},
  ) {
    const form = page.forms.find(({ action }) => options.action === undefined || action.includes(options.action));
    if (form === undefined) throw new Error(`no form on ${page.url}: ${page.status} ${page.text.slice(0, 500)}`);
    const kept = form.fields.filter(([name]) => !Object.hasOwn(fields, name));
    return this.post(new URL(form.action, page.url).href, [...kept, ...pairsOf(fields)], options.headers);
  }

  /** The cookies of a host, by name. */
  cookies(hostname = "127.0.0.1"): Readonly<Record<string, string>> {
    return Object.fromEntries([...(this.#jar.get(hostname) ?? [])].map(([name, { value }]) => [name, value]));
  }

  /** `Set-Cookie` attributes of a cookie, in lower case. */
  attributesOf(name: string, hostname = "127.0.0.1"): string {
    return this.#jar.get(hostname)?.get(name)?.attributes ?? "";
  }

  setCookie(name: string, value: string, hostname = "127.0.0.1"): void {
    this.#keep(hostname, "/", `${name}=${value}; Path=/`);
  }

  forget(name: string, hostname = "127.0.0.1"): void {
    this.#jar.get(hostname)?.delete(name);
  }

  #keep(hostname: string, pathname: string, line: string): void {
    const [pair = "", ...rest] = line.split(";").map((part) => part.trim());
    const at = pair.indexOf("=");
    const name = pair.slice(0, at);
    const attributes = rest.join("; ").toLowerCase();
    const jar = this.#jar.get(hostname) ?? new Map<string, Cookie>();
    this.#jar.set(hostname, jar);
    const expires = /expires=([^;]+)/.exec(attributes)?.[1];
    const gone =
      /max-age=(?:0|-\d+)(?:;|$)/.test(attributes) || (expires !== undefined && Date.parse(expires) <= Date.now());
    if (gone) {
      jar.delete(name);
      return;
    }
    const path = /path=([^;]+)/.exec(
      rest
        .join("; ")
        .replace(/^path/i, "path")
        .replace(/; path/i, "; path"),
    )?.[1];
    const fallback = pathname.slice(0, pathname.lastIndexOf("/")) || "/";
    jar.set(name, {
      value: pair.slice(at + 1),
      path: path ?? fallback,
      secure: /; secure/.test(attributes),
      attributes,
    });
  }
}

function pairsOf(fields: Fields | readonly (readonly [string, string])[]): [string, string][] {
  if (isPairs(fields)) return fields.map(([name, value]) => [name, value]);
  return Object.entries(fields).flatMap(([name, value]) =>
    (typeof value === "string" ? [value] : value).map((one): [string, string] => [name, one]),
  );
}

function isPairs(
  fields: Fields | readonly (readonly [string, string])[],
): fields is readonly (readonly [string, string])[] {
  return Array.isArray(fields);
}

function pageOf(url: string, response: Response, text: string): Page {
  const location = response.headers.get("location");
  return {
    url,
    status: response.status,
    headers: response.headers,
    text,
    location: location === null ? null : new URL(location, url).href,
    forms: [...text.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)].map(([, tag = "", body = ""]) => ({
      action: attribute(tag, "action") ?? "",
      method: attribute(tag, "method") ?? "get",
      fields: fieldsOf(body),
    })),
  };
}

function fieldsOf(body: string): readonly (readonly [string, string])[] {
  const fields: [string, string][] = [];
  for (const [, tag = ""] of body.matchAll(/<input\b([^>]*)>/g)) {
    const name = attribute(tag, "name");
    const type = attribute(tag, "type") ?? "text";
    const ticked = type !== "checkbox" && type !== "radio" ? true : /\schecked(?:[\s=>]|$)/.test(tag);
    if (name !== undefined && ticked && type !== "submit") fields.push([name, attribute(tag, "value") ?? ""]);
  }
  for (const [, tag = "", options = ""] of body.matchAll(/<select\b([^>]*)>(.*?)<\/select>/gs)) {
    const name = attribute(tag, "name");
    const all = [...options.matchAll(/<option\b([^>]*)>/g)].map(([, option = ""]) => option);
    const chosen = all.find((option) => /\sselected(?:[\s=>]|$)/.test(option)) ?? all[0];
    if (name !== undefined && chosen !== undefined) fields.push([name, attribute(chosen, "value") ?? ""]);
  }
  return fields;
}

function attribute(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(` ${tag}`)?.[1];
  return value === undefined ? undefined : unescapeHtml(value);
}

/** The text of a piece of HTML that our pages escape. */
export function unescapeHtml(text: string): string {
  const named: Record<string, string> = {
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": '"',
    "&#39;": "'",
    "&#96;": "`",
    "&amp;": "&",
  };
  return text.replace(/&(?:lt|gt|quot|#39|#96|amp);/g, (entity) => named[entity] ?? entity);
}
