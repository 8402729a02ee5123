/** One minute of traffic. */
export interface TrafficMinute {
  /** Its beginning, wall clock ms. */
  readonly at: number;
  readonly allowed: number;
  readonly refused: number;
}

/** What this instance saw in the last hour. */
export interface Traffic {
  /** 60, oldest first; the last one is under way. */
  readonly minutes: readonly TrafficMinute[];
  /** Over the hour, most first. */
  readonly refusedBy: readonly { readonly reason: string; readonly count: number }[];
  /** Open now. */
  readonly openStreams: number;
}

/** This instance now. */
export interface LiveStatus {
  readonly instance: string;
  readonly version: string;
  /** Hash of the rules in force. */
  readonly rules: string;
  readonly store: { readonly kind: "sqlite" | "redis"; readonly up: boolean };
  readonly traffic: Traffic;
}

export interface Status extends LiveStatus {
  /** Wall clock ms. */
  readonly at: number;
  /** `null` where the store does not tell. */
  readonly mcpAccess: boolean | null;
  /** Clients that wait for an approval; `null` where the store does not tell. */
  readonly waitingClients: number | null;
}
