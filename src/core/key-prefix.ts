/** What every API key starts with. */
export const KEY_PREFIX = "noice_sk_live_";
