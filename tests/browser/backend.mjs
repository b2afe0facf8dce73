// What the agents of these tests call: a small HTTP server that takes a moment to answer and counts.

import { createServer } from "node:http";
import { once } from "node:events";

const ANSWERS = {
  "/incidents/": [420, [{ id: 812, service: "edge-2", began: "02:58", over: "03:40", cause: "certificate expired" }]],
  "/metrics": [780, { requests: 18_402_113, errors: 0.0002, p99_ms: 212 }],
};

export const startBackend = async () => {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    // takes a request and tells nobody what became of it
    if (request.url === "/silent") { request.resume().on("end", () => request.socket.destroy()); return; }
    const found = Object.entries(ANSWERS).find(([path]) => request.url.startsWith(path));
    const [delay, body] = found?.[1] ?? [0, { error: "nothing here" }];
    setTimeout(() => {
      response.writeHead(found ? 200 : 404, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    }, delay);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: server.address().port, asked, stop: () => server.close() };
};
