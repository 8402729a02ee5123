/** The program. It looks at the version of Node before it imports anything that an older one cannot read. */
import { isUtf8 } from "node:buffer";
import type { Terminal } from "./command.ts";

const terminal: Terminal = {
  env: process.env,
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
  async readInput() {
    const { buffer } = await import("node:stream/consumers");
    const bytes = await buffer(process.stdin);
    // A byte that is no text would be kept as U+FFFD, and a password with it is another one than was meant.
    if (!isUtf8(bytes)) throw new Error("standard input is not UTF-8");
    return bytes.toString("utf8");
  },
  async readSecret(question) {
    const { promptSecret } = await import("./secret-prompt.ts");
    return promptSecret(process.stdin, terminal.error, question);
  },
};

const [major = 0, minor = 0] = process.version.slice(1).split(".").map(Number);
if (major > 24 || (major === 24 && minor >= 9)) {
  const { main } = await import("./main.ts");
  process.exitCode = await main(process.argv.slice(2), terminal);
} else {
  terminal.error(`portcullis needs Node 24.9 or later; this is ${process.version}\n`);
  process.exitCode = 1;
}
