import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { watchFile } from "../config/watch.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/** `tls:` of a listener. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** A certificate chain and its private key, PEM. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Rejects, with the names of the files, where they cannot be read or do not go together. */
async function readCertificate(files: TlsFiles): Promise<Certificate> {
  try {
    const certificate = { cert: await readFile(files.cert), key: await readFile(files.key) };
    createSecureContext(certificate);
    return certificate;
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new Error(`the certificate ${files.cert} with the key ${files.key} cannot be used: ${detail}`, {
      cause: error,
    });
  }
}

export interface FollowedCertificate {
  /** The one that was read last. */
  current(): Certificate;
  /** Hands over the certificate, now and after each change. Once only. */
  use(take: (certificate: Certificate) => void): void;
  /** Reads the files again; what is in use stays where they are wrong. Never rejects. True where they are right. */
  reload(): Promise<boolean>;
  close(): void;
}

/**
 * Reads a certificate and keeps it fresh: when its files change, or when `reload` is called. The two files are
 * replaced one after the other, so in between they may not go together: that is logged, and the old one stays in
 * use. Rejects, with the names of the files, where the first read fails.
 */
export async function followCertificate(
  files: TlsFiles,
  { log, metrics }: { readonly log: Log; readonly metrics: Pick<Metrics, "configReload"> },
): Promise<FollowedCertificate> {
  let current: Certificate;
  let take: ((certificate: Certificate) => void) | null = null;
  // Watching starts first, or a change in between would be missed.
  const watchers = [files.cert, files.key].map((file) => watchFile(file, () => void reload()));
  const close = (): void => watchers.forEach((watcher) => watcher.close());
  const first = readFirst();
  /** All reads, the first one too, one after the other, so that the last change wins. Never rejects. */
  let reads: Promise<unknown> = first.catch(() => undefined);

  async function readFirst(): Promise<void> {
    current = await readCertificate(files);
  }

  async function tryReload(): Promise<boolean> {
    try {
      const next = await readCertificate(files);
      take?.(next);
      current = next;
      metrics.configReload("ok");
      log.info({ certificate: files.cert }, "certificate reloaded");
      return true;
    } catch (error) {
      metrics.configReload("error");
      log.error({ err: error }, "new certificate refused, the old one stays");
      return false;
    }
  }

  function reload(): Promise<boolean> {
    const result = reads.then(tryReload);
    reads = result;
    return result;
  }

  try {
    await first;
  } catch (error) {
    close();
    throw error;
  }
  return {
    current: () => current,
    use(taker) {
      take = taker;
      taker(current);
    },
    reload,
    close,
  };
}
