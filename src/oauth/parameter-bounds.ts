import { errors, type KoaContextWithOIDC } from "oidc-provider";

const MAX_PARAMETER = 2048;
const MAX_TOGETHER = 8192;

/**
 * Bounds what a request for an authorization may hold, for all of it is kept until somebody decides: 2 KiB each, 8 KiB
 * together. Throws `invalid_request`, which does not go to the client: what it sent would go with it.
 */
export function boundParameters(ctx: KoaContextWithOIDC): void {
  let together = 0;
  for (const [name, value] of Object.entries(ctx.oidc.params ?? {})) {
    for (const part of Array.isArray(value) ? value : [value]) {
      const length = typeof part === "string" ? Buffer.byteLength(part) : 0;
      together += length;
      if (length > MAX_PARAMETER) throw tooLong(`${name} is longer than ${MAX_PARAMETER} bytes`);
    }
  }
  if (together > MAX_TOGETHER) throw tooLong(`the parameters together are longer than ${MAX_TOGETHER} bytes`);
}

function tooLong(description: string): errors.InvalidRequest {
  const error = new errors.InvalidRequest(description);
  error.allow_redirect = false;
  return error;
}
