import type Provider from "oidc-provider";

/** Koa's middleware, as the library takes it. */
export type Middleware = Parameters<Provider["use"]>[0];
/** Koa's context around the library. */
export type ProviderContext = Parameters<Middleware>[0];
