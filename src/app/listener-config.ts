import type { Config } from "../config/config.ts";
import { formatAddress } from "../config/fields.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { type FollowedCertificate, followCertificate } from "./certificates.ts";
import type { Closers } from "./closers.ts";

export type ListenerConfig = Config["listen"]["admin"];

/** Of a listener that was bound to `port`. */
export function urlOf({ address, tls }: ListenerConfig, port: number): string {
  return `${tls === undefined ? "http" : "https"}://${formatAddress({ ...address, port })}`;
}

/** The certificate of a listener, followed until the end; `null` where it has none. */
export async function followCertificateOf(
  { tls }: ListenerConfig,
  closers: Closers,
  told: { readonly log: Log; readonly metrics: Metrics },
): Promise<FollowedCertificate | null> {
  if (tls === undefined) return null;
  const certificate = await followCertificate(tls, told);
  closers.add(() => certificate.close());
  return certificate;
}
