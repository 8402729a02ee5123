/** Bare `http-proxy-3`, with a keep-alive agent as its documentation advises. No authorization. */
import { Agent, createServer } from "node:http";
import { createProxyServer } from "http-proxy-3";
import { announce } from "./announce.ts";

const [target = ""] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 256 });
const proxy = createProxyServer({ target, agent });
proxy.on("error", (error) => console.error(error.message));

announce(createServer((request, response) => proxy.web(request, response)));
