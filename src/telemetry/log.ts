import { type DestinationStream, destination, type Logger, pino, stdSerializers } from "pino";
import { redactKeys } from "./json-text.ts";

export type LogLevel = "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";

interface LogMethod {
  (fields: object, message?: string): void;
  (message: string): void;
}

/** The operator log, as much of it as the parts use. */
export interface Log {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  readonly fatal: LogMethod;
  /** A log that adds the fields to each of its lines. */
  child(fields: Record<string, unknown>): Log;
}

const SECRET_FIELDS = new Set([
  "authorization",
  "proxy-authorization",
  "x-api-key",
  "cookie",
  "set-cookie",
  "key",
  "token",
  "access_token",
  "refresh_token",
  "password",
  "pepper",
]);
const REDACTED = "[redacted]";
const MAX_DEPTH = 6;
/** What may wait for a slow reader of standard error; lines beyond it are dropped. */
const MAX_WAITING_BYTES = 1024 * 1024;
const BEARER = /\b(Bearer|Basic) +[A-Za-z0-9._~+/=-]{16,}/gi;

/**
 * Makes the operator log: one JSON object a line on standard error. Fields whose names say secret are redacted at
 * any depth; API keys and `Bearer` values are redacted wherever they stand, messages and stacks too. Errors are
 * written with their causes. Never blocks, never throws.
 */
export function createLog(options: { readonly level: LogLevel; readonly stream?: DestinationStream }): Log {
  const stream = options.stream ?? standardError();
  const logger = pino(
    {
      level: options.level,
      base: { pid: process.pid },
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }), log: redactFields, bindings: redactFields },
      // `redactFields` has written out errors; pino's own serialiser would do it twice.
      serializers: { err: (value: unknown) => value },
    },
    { write: (line: string) => stream.write(redactText(line)) },
  );
  return logOf(logger);
}

/** A log that says nothing. For tests and for commands that print by themselves. */
export function silentLog(): Log {
  return createLog({ level: "silent", stream: { write: () => undefined } });
}

/** pino passes its formatters by for a child's own fields, so they are redacted here. */
function logOf(logger: Logger): Log {
  return {
    debug: logger.debug.bind(logger),
    info: logger.info.bind(logger),
    warn: logger.warn.bind(logger),
    error: logger.error.bind(logger),
    fatal: logger.fatal.bind(logger),
    child: (fields) => logOf(logger.child(redactFields(fields))),
  };
}

function standardError(): DestinationStream {
  const stream = destination({ dest: 2, sync: false, maxLength: MAX_WAITING_BYTES });
  // Without a listener an error here would end the process. A log that cannot be written has nowhere to say so.
  stream.on("error", () => undefined);
  return stream;
}

/** Works on a finished line: the patterns cannot match across a quote, so the JSON stays whole. */
function redactText(line: string): string {
  return redactKeys(line).replace(BEARER, `$1 ${REDACTED}`);
}

function redactFields(fields: Record<string, unknown>): Record<string, unknown> {
  return redactObject(fields, 0);
}

function redactObject(fields: object, depth: number): Record<string, unknown> {
  const clean: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    clean[name] = SECRET_FIELDS.has(name.toLowerCase()) ? REDACTED : redactValue(value, depth + 1);
  }
  return clean;
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (depth >= MAX_DEPTH) return "[deep]";
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Error) return redactObject(stdSerializers.errWithCause(value), depth);
  if (Array.isArray(value)) return value.map((item: unknown) => redactValue(item, depth + 1));
  return redactObject(value, depth);
}
