/**
 * What spellings of a field name have in common for CGI-like services: they read every character that is
 * no letter and no digit as `_`. In lower case, `-` for each such character; as long as the name.
 */
export function foldFieldName(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, "-");
}

/** Names beyond this are classified anew each time. */
const LONGEST = 64;
const MOST = 1024;

/** Fields that most requests or responses have, besides those that a table names. */
const COMMON = [
  "accept",
  "accept-language",
  "accept-ranges",
  "access-control-allow-origin",
  "age",
  "alt-svc",
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-security-policy",
  "content-type",
  "cookie",
  "dnt",
  "etag",
  "expires",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "last-modified",
  "location",
  "origin",
  "pragma",
  "priority",
  "range",
  "referer",
  "sec-fetch-dest",
  "sec-fetch-mode",
  "sec-fetch-site",
  "server",
  "set-cookie",
  "strict-transport-security",
  "tracestate",
  "user-agent",
  "vary",
  "www-authenticate",
];

/**
 * Makes a classifier of field names, in whatever case, that remembers spellings: `classify` gets the name
 * in lower case. Callers choose names, so what is remembered is bounded, and the names that are `known` and
 * the common ones are remembered from the start: junk cannot take their places.
 */
export function createFieldClassifier<Class>(
  known: Iterable<string>,
  classify: (lower: string) => Class,
): (name: string) => Class {
  const seen = new Map<string, Class>();
  for (const lower of [...known, ...COMMON]) {
    const fieldClass = classify(lower);
    seen.set(lower, fieldClass).set(capitalised(lower), fieldClass);
  }
  return (name) => {
    const remembered = seen.get(name);
    if (remembered !== undefined) return remembered;
    const fieldClass = classify(name.toLowerCase());
    if (seen.size < MOST && name.length <= LONGEST) seen.set(name, fieldClass);
    return fieldClass;
  };
}

/** As most clients that use upper case spell it: `User-Agent`. */
function capitalised(lower: string): string {
  return lower
    .split("-")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("-");
}
