import { Provider, errors } from "oidc-provider";
import { StoreUnavailable } from "../store/types.ts";

/**
 * Runs what asks the store. Where the store fails while the library answers a request, the client is told
 * `temporarily_unavailable` with 503, not that what it sent was wrong. Outside of one, `StoreUnavailable` goes on.
 */
export async function orUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StoreUnavailable && Provider.ctx !== undefined) throw unavailable(error);
    throw error;
  }
}

function unavailable(cause: StoreUnavailable): errors.OIDCProviderError {
  const error = new errors.TemporarilyUnavailable("the request cannot be answered now", { cause });
  error.status = 503;
  error.statusCode = 503;
  return error;
}
