/** Methods of MCP whose messages name what they are about: rules are looked up for them by that name. */
export const TOOL_CALL = "tools/call";
export const PROMPT_GET = "prompts/get";
export const RESOURCE_METHODS: ReadonlySet<string> = new Set([
  "resources/read",
  "resources/subscribe",
  "resources/unsubscribe",
]);
export const LISTEN = "subscriptions/listen";
export const COMPLETE = "completion/complete";

const METHOD = /^[A-Za-z0-9_/$.-]{1,128}$/;

/** True for what a method may be called. */
export function isMethodName(text: string): boolean {
  return METHOD.test(text);
}
