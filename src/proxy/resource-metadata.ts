import { isAtOrUnder } from "../core/reserved-paths.ts";
import { protectedResources } from "../policy/resources.ts";
import type { Policy } from "../policy/types.ts";
import type { OwnEndpoints } from "./own-endpoints.ts";

/** Which document a refusal points to (RFC 9728 §5.1): that of the resource that the path is at or under. */
export class ResourceMetadata {
  readonly #own: Pick<OwnEndpoints, "resourceMetadataUrl"> | null;
  /** Path of a resource → URL of its document. Made once for a policy: a reload brings another. */
  readonly #urls = new WeakMap<Policy, ReadonlyMap<string, string>>();

  /** `own` is `null` where OAuth is off: then there is no document. */
  constructor(own: Pick<OwnEndpoints, "resourceMetadataUrl"> | null) {
    this.#own = own;
  }

  /** The URL for a path of a request; `null` where there is none. */
  urlFor(policy: Policy, path: string): string | null {
    const urls = this.#urlsOf(policy);
    if (urls === null) return null;
    // Over the few resources, never over the segments: whoever sends the path chooses how many those are.
    let best = "";
    for (const resource of urls.keys()) {
      if (resource.length > best.length && isAtOrUnder(path, resource)) best = resource;
    }
    return urls.get(best) ?? null;
  }

  #urlsOf(policy: Policy): ReadonlyMap<string, string> | null {
    if (this.#own === null) return null;
    const known = this.#urls.get(policy);
    if (known !== undefined) return known;
    const urls = new Map<string, string>();
    for (const { path } of protectedResources(policy)) urls.set(path, this.#own.resourceMetadataUrl(path));
    this.#urls.set(policy, urls);
    return urls;
  }
}
