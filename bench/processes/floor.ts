/** The floor: node:http that answers by itself, with no proxy and no upstream. */
import { createServer } from "node:http";
import { announce } from "./announce.ts";

const SMALL = Buffer.alloc(512, "x");
const LARGE = Buffer.alloc(64 * 1024, "x");

announce(
  createServer((request, response) => {
    const body = request.url?.endsWith("/large") === true ? LARGE : SMALL;
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": body.length });
    response.end(body);
  }),
);
