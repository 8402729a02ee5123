import { BlockList, isIP } from "node:net";

/** Decides whose `X-Forwarded-*` are believed. Nobody's, where no range is given. */
export class TrustedProxies {
  readonly #ranges = new BlockList();
  readonly #empty: boolean;

  /** `ranges` are addresses or CIDR ranges, checked when the configuration was read. */
  constructor(ranges: readonly string[]) {
    this.#empty = ranges.length === 0;
    for (const range of ranges) {
      const [address = "", prefix] = range.split("/");
      const family = isIP(address) === 6 ? "ipv6" : "ipv4";
      if (prefix === undefined) this.#ranges.addAddress(address, family);
      else this.#ranges.addSubnet(address, Number(prefix), family);
    }
  }

  trusts(address: string): boolean {
    if (this.#empty) return false;
    const family = isIP(address);
    return family !== 0 && this.#ranges.check(address, family === 6 ? "ipv6" : "ipv4");
  }

  /** The nearest address of `X-Forwarded-For` that no trusted proxy vouches for, read from the right. */
  clientOf(forwardedFor: string, peer: string): string {
    const hops = forwardedFor.split(",").map((hop) => hop.trim());
    let client = peer;
    for (const hop of hops.toReversed()) {
      if (isIP(hop) === 0) return client;
      client = hop;
      if (!this.trusts(hop)) return client;
    }
    return client;
  }
}
