import type { FastifyInstance } from "fastify";

/** What the page needs of the metrics. */
export interface MetricsText {
  readonly contentType: string;
  text(): Promise<string>;
}

/** `/metrics`, in Prometheus' text format. */
export async function metricsRoutes(
  app: FastifyInstance,
  { metrics }: { readonly metrics: MetricsText },
): Promise<void> {
  app.get("/metrics", async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
}
