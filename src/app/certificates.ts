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

/** Reads a certificate. Rejects, with the names of the files, where they cannot be read or do not go together. */
export async function readCertificate(files: TlsFiles): Promise<Certificate> {
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
  /** Reads the files again; what is in use stays where they are wrong. Never rejects. True where they are right. */
  reload(): Promise<boolean>;
  close(): void;
}

/**
 * Hands a new certificate to `use` when its files change, or when `reload` is called. The two files are replaced one
 * after the other, so in between they may not go together: that is logged, and the old one stays in use.
 */
export function followCertificate(
  files: TlsFiles,
  use: (certificate: Certificate) => void,
  { log, metrics }: { readonly log: Log; readonly metrics: Pick<Metrics, "configReload"> },
): FollowedCertificate {
  let reloading: Promise<unknown> = Promise.resolve();

  async function tryReload(): Promise<boolean> {
    try {
      use(await readCertificate(files));
      metrics.configReload("ok");
      log.info({ certificate: files.cert }, "certificate reloaded");
      return true;
    } catch (error) {
      metrics.configReload("error");
      log.error({ err: error }, "new certificate refused, the old one stays");
      return false;
    }
  }

  /** One after the other, so that the last change wins. */
  function reload(): Promise<boolean> {
    const result = reloading.then(tryReload);
    reloading = result;
    return result;
  }

  const watchers = [files.cert, files.key].map((file) => watchFile(file, () => void reload()));
  return { reload, close: () => watchers.forEach((watcher) => watcher.close()) };
}
