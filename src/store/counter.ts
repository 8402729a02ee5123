import { createHash } from "node:crypto";
import type { CounterState } from "./types.ts";

export const NOTHING_COUNTED: CounterState = { count: 0, resetsAt: 0 };

/** The name as it is stored. Names hold what people type, which may be a password in the wrong field. */
export function counterKey(name: string): string {
  return createHash("sha256").update(name).digest("hex");
}
