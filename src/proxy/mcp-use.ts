import type { MayList } from "../mcp/list-filter.ts";

/** What the line keeps of a request on an MCP route: for the head, the answer and the record. */
export interface McpUse {
  /** Of the message: a method that is known or ruled, or what stands for others. Never the caller's text. */
  readonly method: string;
  /** Name of the rule; `null` where the method has no such thing. */
  readonly tool: string | null;
  /** Every scope that the operation needs, with single spaces between. */
  readonly scopesNeeded: string;
  /** The upstream's own session id to send; `null` is none. */
  readonly sessionId: string | null;
  /** The id that the client is given for a session that the upstream opens. */
  readonly sealSession: (upstreamId: string) => string;
  /** What lists may show; `null` where answers go on as they are. */
  readonly mayList: MayList | null;
  /** A list was asked for, or a stream that may bring one: JSON is filtered too, and nothing that is compressed is asked for. */
  readonly asksForLists: boolean;
}
