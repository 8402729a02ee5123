/** A request that the service refuses, with the HTTP status of the answer. The message goes to the caller. */
export class Failure extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "Failure";
    this.status = status;
  }
}

/** 404 for a thing that is not there. */
export function notFound(what: string): Failure {
  return new Failure(404, `${what} not found`);
}
