import { createHmac, timingSafeEqual } from "node:crypto";

/** Ties session ids of MCP (revisions 2025-03-26 to 2025-11-25) to whoever opened the session. */
export interface SessionSeal {
  /** The id that the client gets for the upstream's own: the same with a seal behind it. */
  seal(upstreamId: string, owner: string): string;
  /** The upstream's id, where the seal is of this owner; `null` where not. */
  open(sealed: string, owner: string): string | null;
}

/** Visible ASCII, as the specification wants session ids. */
const SESSION_ID = /^[\x21-\x7e]{1,4096}$/;
/** 132 of the 256 bits: nobody guesses one, and the field stays short. */
const SEAL_LENGTH = 22;

/**
 * A session id never authenticates; but who learns another caller's id must not get into that session
 * either. So the id that leaves is sealed (HMAC-SHA-256) for its owner, and only the owner's requests
 * open it. Nothing is stored: every instance that shares `secret` opens what another sealed, after a
 * restart too.
 */
export function createSessionSeal(secret: string): SessionSeal {
  const key = createHmac("sha256", secret).update("portcullis mcp session 1").digest();
  const sealOf = (upstreamId: string, owner: string): string =>
    createHmac("sha256", key)
      .update(JSON.stringify([owner, upstreamId]))
      .digest("base64url")
      .slice(0, SEAL_LENGTH);
  return {
    seal: (upstreamId, owner) => `${upstreamId}.${sealOf(upstreamId, owner)}`,
    open(sealed, owner) {
      const dot = sealed.length - SEAL_LENGTH - 1;
      if (dot < 1 || sealed[dot] !== "." || !SESSION_ID.test(sealed)) return null;
      const upstreamId = sealed.slice(0, dot);
      const presented = Buffer.from(sealed.slice(dot + 1), "latin1");
      const expected = Buffer.from(sealOf(upstreamId, owner), "latin1");
      return timingSafeEqual(presented, expected) ? upstreamId : null;
    },
  };
}
