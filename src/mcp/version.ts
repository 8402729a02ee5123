/** Revisions of MCP that are understood, oldest first. */
export const PROTOCOL_VERSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"] as const;

export type ProtocolVersion = (typeof PROTOCOL_VERSIONS)[number];

/** The one revision with JSON-RPC batches. */
export const BATCH_VERSION: ProtocolVersion = "2025-03-26";
/** What a request without the header speaks (2025-06-18, Protocol Version Header). */
export const DEFAULT_VERSION: ProtocolVersion = "2025-03-26";

/** True for revisions without sessions, whose headers repeat the body. */
export function isStateless(version: ProtocolVersion): boolean {
  return version === "2026-07-28";
}

export function isProtocolVersion(text: string): text is ProtocolVersion {
  return PROTOCOL_VERSIONS.some((version) => version === text);
}
