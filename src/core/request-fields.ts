import { createFieldClassifier, foldFieldName } from "./field-name.ts";

/**
 * What becomes of each request field on its way to the upstream. This is the one place that says so;
 * no route can forget to strip a field.
 */
export type RequestFieldClass =
  /** Goes on as it came. */
  | "pass"
  /** Never goes on: hop by hop, identity, overrides of method or target, look-alikes of what we set. */
  | "drop"
  /** Goes on from a trusted proxy only. */
  | "forwarded"
  | "forwarded-for"
  | "forwarded-proto"
  | "forwarded-host"
  | "host"
  | "authorization"
  | "api-key"
  | "connection"
  | "content-length"
  | "transfer-encoding"
  | "expect"
  | "upgrade"
  | "trailer"
  | "traceparent"
  | "accept-encoding"
  | "range"
  /** Goes on without the cookies that are ours. */
  | "cookie"
  | "mcp-session-id";

const KNOWN: ReadonlyMap<string, RequestFieldClass> = new Map<string, RequestFieldClass>([
  ["host", "host"],
  ["authorization", "authorization"],
  ["x-api-key", "api-key"],
  ["connection", "connection"],
  ["content-length", "content-length"],
  ["transfer-encoding", "transfer-encoding"],
  ["expect", "expect"],
  ["upgrade", "upgrade"],
  ["trailer", "trailer"],
  ["traceparent", "traceparent"],
  ["accept-encoding", "accept-encoding"],
  ["range", "range"],
  ["if-range", "range"],
  ["cookie", "cookie"],
  ["mcp-session-id", "mcp-session-id"],
  ["forwarded", "forwarded"],
  ["x-real-ip", "forwarded"],
  ["x-forwarded-for", "forwarded-for"],
  ["x-forwarded-proto", "forwarded-proto"],
  ["x-forwarded-host", "forwarded-host"],
  ["x-request-id", "drop"],
  // Hop by hop (RFC 9110 §7.6.1).
  ["keep-alive", "drop"],
  ["proxy-connection", "drop"],
  ["proxy-authenticate", "drop"],
  ["proxy-authorization", "drop"],
  ["te", "drop"],
  ["http2-settings", "drop"],
  // A service that heeds one of these acts on another request than the one that was decided on.
  ["x-http-method", "drop"],
  ["x-http-method-override", "drop"],
  ["x-method-override", "drop"],
  ["x-original-url", "drop"],
  ["x-original-uri", "drop"],
  ["x-original-method", "drop"],
  ["x-original-host", "drop"],
  ["x-rewrite-url", "drop"],
  // CGI hands it on as HTTP_PROXY, which many clients take for the proxy to use (httpoxy).
  ["proxy", "drop"],
]);

/** The names that a class of their own is known for, lower case. */
export const KNOWN_REQUEST_FIELDS: readonly string[] = [...KNOWN.keys()];

/** The class of a field by its name, in whatever case. */
export const requestFieldClass = createFieldClassifier(KNOWN.keys(), classify);

/** Another spelling of a field that we judge is dropped: some services would take it for the field. */
function classify(lower: string): RequestFieldClass {
  const folded = foldFieldName(lower);
  const known = KNOWN.get(folded);
  if (folded.startsWith("x-portcullis-")) return "drop";
  if (folded !== lower && (known !== undefined || folded.startsWith("x-forwarded-"))) return "drop";
  if (known !== undefined) return known;
  return folded.startsWith("x-forwarded-") ? "forwarded" : "pass";
}
