/** A terminal, as much of it as a prompt needs: `process.stdin`. */
export interface PromptInput extends NodeJS.ReadableStream {
  readonly isTTY?: boolean;
  setRawMode?(mode: boolean): unknown;
}

const MAX = 4096;
const INTERRUPT = "\u0003";
const END_OF_INPUT = "\u0004";
const ERASE: ReadonlySet<string> = new Set(["\u007f", "\b"]);
const ERASE_LINE = "\u0015";
const ENTER: ReadonlySet<string> = new Set(["\r", "\n"]);

/**
 * Asks for one line and shows nothing of it. `null` where `input` is no terminal. Rejects where the person gives up
 * (Ctrl-C, Ctrl-D).
 */
export function promptSecret(
  input: PromptInput,
  write: (text: string) => void,
  question: string,
): Promise<string | null> {
  const { promise, resolve, reject } = Promise.withResolvers<string | null>();
  if (input.isTTY !== true || input.setRawMode === undefined) {
    resolve(null);
    return promise;
  }
  let line: string[] = [];
  const finish = (): void => {
    input.off("data", take);
    input.setRawMode?.(false);
    input.pause();
    write("\n");
  };
  const take = (chunk: string | Buffer): void => {
    for (const character of String(chunk)) {
      if (ENTER.has(character)) {
        finish();
        resolve(line.join(""));
        return;
      }
      if (character === INTERRUPT || (character === END_OF_INPUT && line.length === 0)) {
        finish();
        reject(new Error("given up"));
        return;
      }
      if (ERASE.has(character)) line.pop();
      else if (character === ERASE_LINE) line = [];
      else if (character >= " " && line.length < MAX) line.push(character);
    }
  };
  // Echo goes off before the question comes, or what is typed at once would be seen.
  input.setRawMode(true);
  write(question);
  input.setEncoding("utf8");
  input.on("data", take);
  input.resume();
  return promise;
}
