/** The key with its last random character changed: a bad checksum. */
export function withBadChecksum(good: string): string {
  return `${good.slice(0, 43)}${good[43] === "A" ? "B" : "A"}${good.slice(44)}`;
}
