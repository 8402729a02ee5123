/** Runs schedules in a thread of its own. See run.ts, which starts it. */
import { parentPort } from "node:worker_threads";
import { type Slice, runSlice } from "./slice.ts";

// Failures are part of the day here: that each notes where it came from costs more than all else.
Error.stackTraceLimit = 0;
const port = parentPort;
if (port === null) throw new Error("worker.ts is no program");
port.on("message", (slice: Slice) => void answer(slice));

async function answer(slice: Slice): Promise<void> {
  port?.postMessage(await runSlice(slice));
}
