import { createFieldClassifier } from "../core/field-name.ts";

/** What becomes of each response field on its way to the client. */
export type ResponseFieldClass =
  | "pass"
  | "drop"
  | "connection"
  | "content-length"
  | "date"
  | "content-type"
  | "trailer"
  /** Says something of the very bytes of the body. */
  | "of-bytes"
  | "content-encoding"
  | "x-accel-buffering"
  /** Goes on unless the cookie is ours. */
  | "set-cookie"
  | "mcp-session-id";

const KNOWN: ReadonlyMap<string, ResponseFieldClass> = new Map<string, ResponseFieldClass>([
  ["connection", "connection"],
  ["content-length", "content-length"],
  ["content-type", "content-type"],
  ["date", "date"],
  ["trailer", "trailer"],
  ["content-encoding", "content-encoding"],
  ["etag", "of-bytes"],
  ["content-md5", "of-bytes"],
  ["digest", "of-bytes"],
  ["content-digest", "of-bytes"],
  ["repr-digest", "of-bytes"],
  ["accept-ranges", "of-bytes"],
  ["x-accel-buffering", "x-accel-buffering"],
  ["set-cookie", "set-cookie"],
  ["mcp-session-id", "mcp-session-id"],
  // Hop by hop; the framing towards the client is ours.
  ["keep-alive", "drop"],
  ["proxy-connection", "drop"],
  ["proxy-authenticate", "drop"],
  ["transfer-encoding", "drop"],
  ["upgrade", "drop"],
  // Ours to say.
  ["x-request-id", "drop"],
]);

/** The class of a response field by its name, in whatever case. */
export const responseFieldClass = createFieldClassifier(KNOWN.keys(), (lower): ResponseFieldClass =>
  lower.startsWith("x-portcullis-") ? "drop" : (KNOWN.get(lower) ?? "pass"),
);
