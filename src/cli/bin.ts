/** The program. It looks at the version of Node before it imports anything that an older one cannot read. */
import type { Terminal } from "./command.ts";

const terminal: Terminal = {
  env: process.env,
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
  async readInput() {
    let text = "";
    for await (const chunk of process.stdin.setEncoding("utf8")) text += String(chunk);
    return text;
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
