import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";

/** The argument by which every tool that means one portal names it. */
export const portalId = z.string().min(1).max(64).describe("Id of the portal, such as `acme`");
export const ticketId = z.string().min(1).max(20).describe("Id of the ticket, such as `1001`");

/** A result as structured data and, for older clients, as text. */
export function result(value: Readonly<Record<string, unknown>>): CallToolResult {
  return { content: [{ type: "text", text: JSON.stringify(value) }], structuredContent: { ...value } };
}

export const READS = { readOnlyHint: true } as const;
export const WRITES = { readOnlyHint: false, destructiveHint: false } as const;
