/** What the line knows of a request that Portcullis answers itself: OAuth, sign-in, metadata. */
export interface OwnRequest {
  readonly requestId: string;
  /** The client's address, with trusted proxies looked through. */
  readonly clientIp: string;
}
