import { close, constants, fstat, mkdir, open, read, write } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";

/** Where lines go. */
export type SinkTarget = { readonly file: string } | { readonly stdout: true };

/** An open target. `device` and `inode` tell whether a later open found the same file. */
export interface OpenTarget {
  readonly fd: number;
  readonly device: number;
  readonly inode: number;
  /** The file's last byte is not a newline: a line was torn, by a crash or by us. */
  readonly torn: boolean;
  /** A regular file: what was written stays, so a half-written line may be finished after a second open. */
  readonly regular: boolean;
  /** Standard output's own descriptor is not ours to close. */
  readonly owned: boolean;
}

const fsOpen = promisify(open);
const fsClose = promisify(close);
const fsStat = promisify(fstat);
const fsMkdir = promisify(mkdir);
const fsRead = promisify(read);
const fsWrite = promisify(write);

const NEWLINE = 10;
const STDOUT_FD = 1;
/** Non-blocking, so that a FIFO or pipe that nobody reads fails at once instead of holding a thread for ever. */
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/** A name for the operator log. */
export function targetName(target: SinkTarget): string {
  return "file" in target ? target.file : "stdout";
}

/** Opens a target to append. New files get mode 0600; missing folders are made. Rejects with the system's error. */
export async function openTarget(target: SinkTarget): Promise<OpenTarget> {
  if (!("file" in target)) return openStdout();
  await fsMkdir(dirname(target.file), { recursive: true });
  const fd = await fsOpen(target.file, APPEND, 0o600);
  try {
    const stats = await fsStat(fd);
    const torn = stats.isFile() && stats.size > 0 && (await lastByte(target.file, stats.size)) !== NEWLINE;
    return { fd, device: stats.dev, inode: stats.ino, torn, regular: stats.isFile(), owned: true };
  } catch (error) {
    await fsClose(fd);
    throw error;
  }
}

/** Closes what `openTarget` opened. A failure to close changes nothing for us and is passed over. */
export async function closeTarget(target: OpenTarget): Promise<void> {
  if (target.owned) await fsClose(target.fd).catch(() => undefined);
}

/** Writes some bytes and says how many. */
export async function writeSome(target: OpenTarget, bytes: Buffer, from: number, to: number): Promise<number> {
  const { bytesWritten } = await fsWrite(target.fd, bytes, from, to - from);
  if (bytesWritten === 0) throw new Error("the sink took no bytes");
  return bytesWritten;
}

/**
 * A pipe is opened anew in non-blocking mode, so that a reader who stalls cannot hold a thread. A file or terminal
 * is used as it is: a second open of a file would write over what others wrote through the first.
 */
async function openStdout(): Promise<OpenTarget> {
  const stats = await fsStat(STDOUT_FD);
  const known = { device: stats.dev, inode: stats.ino, torn: false, regular: stats.isFile() };
  if (stats.isFIFO()) {
    const fd = await fsOpen("/dev/stdout", constants.O_WRONLY | constants.O_NONBLOCK).catch(() => null);
    if (fd !== null) return { ...known, fd, owned: true };
  }
  return { ...known, fd: STDOUT_FD, owned: false };
}

async function lastByte(path: string, size: number): Promise<number | undefined> {
  const fd = await fsOpen(path, "r");
  try {
    const { buffer, bytesRead } = await fsRead(fd, Buffer.alloc(1), 0, 1, size - 1);
    return bytesRead === 1 ? buffer[0] : NEWLINE;
  } finally {
    await fsClose(fd);
  }
}
