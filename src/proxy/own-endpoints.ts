import type { IncomingMessage, ServerResponse } from "node:http";
import type { OwnRequest } from "../core/own-request.ts";

/** What Portcullis serves itself on the public listener: OAuth, sign-in, metadata. */
export interface OwnEndpoints {
  /** True where it serves the path, whatever the method. `path` is as it was received, and well-formed. */
  owns(path: string): boolean;
  /** Answers. Never throws; every answer ends. The request's body has not been read. */
  serve(request: IncomingMessage, response: ServerResponse, about: OwnRequest): void;
  /** The URL of the metadata of a protected resource, by the path that identifies it (RFC 9728), for challenges. */
  resourceMetadataUrl(path: string): string;
}
