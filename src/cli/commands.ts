import type { Command } from "./command.ts";

/** A command by its name. What it is made of is loaded when it is run or asked for its help. */
export interface CommandEntry {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** Every command, as help lists them. */
export const COMMANDS: readonly CommandEntry[] = [
  { name: "serve", summary: "run the sidecar", load: async () => (await import("./serve.ts")).serve },
  {
    name: "demo",
    summary: "run a demo ticket service behind the sidecar, and watch keys being allowed and refused",
    load: async () => (await import("./demo.ts")).demo,
  },
  {
    name: "check",
    summary: "read configuration and rules, and tell every problem",
    load: async () => (await import("./check.ts")).check,
  },
  {
    name: "explain",
    summary: "tell what would be decided on a request, step by step",
    load: async () => (await import("./explain.ts")).explain,
  },
  {
    name: "keys",
    summary: "create, list, show, revoke and rotate API keys",
    load: async () => (await import("./keys.ts")).keys,
  },
  {
    name: "users",
    summary: "add, list, show, edit, disable and enable people, and set their passwords",
    load: async () => (await import("./users.ts")).users,
  },
  {
    name: "clients",
    summary: "add, list, approve and disable OAuth clients",
    load: async () => (await import("./clients.ts")).clients,
  },
  {
    name: "grants",
    summary: "list and revoke what people allowed OAuth clients",
    load: async () => (await import("./grants.ts")).grants,
  },
  {
    name: "tokens",
    summary: "create, list and revoke admin tokens, which scripts use the API with",
    load: async () => (await import("./tokens.ts")).tokens,
  },
  {
    name: "mcp",
    summary: "switch MCP access off and on for everyone",
    load: async () => (await import("./mcp.ts")).mcp,
  },
  {
    name: "login",
    summary: "log in at a Portcullis by device code, and keep the token",
    load: async () => (await import("./login.ts")).login,
  },
  {
    name: "logout",
    summary: "revoke the token that login keeps, and forget it",
    load: async () => (await import("./logout.ts")).logout,
  },
  {
    name: "whoami",
    summary: "tell what the token that login keeps stands for",
    load: async () => (await import("./whoami.ts")).whoami,
  },
];
