// A service that passes on the context of its requests. usage: node service.js PORT OUTBOUND_PORT
const http = require("http");
const [port, outbound] = process.argv.slice(2);

const CONTEXT = ["x-vivo-context", "traceparent"]; // all that there is to it; traceparent alone would do

http.createServer((request, response) => {
  const say = (name) => request.headers[name] || "-";
  const line = `node: trace ${say("traceparent").slice(3, 35)}, ${say("x-timeout-ms")} ms left, baggage ${say("baggage")}\n`;
  const answer = (status, body) => {
    response.writeHead(status, { "content-length": Buffer.byteLength(line + body) });
    response.end(line + body);
  };
  if (request.url === "/") return answer(200, "");
  if (request.url === "/slow") return setTimeout(() => answer(200, ""), 2000);
  const headers = {};
  for (const name of CONTEXT) if (request.headers[name]) headers[name] = request.headers[name];
  http.get({ port: outbound, path: request.url, headers }, (onward) => { // the rest of the way
    let body = "";
    onward.on("data", (data) => (body += data)).on("end", () => answer(onward.statusCode, body));
  }).on("error", (error) => answer(502, `${error.message}\n`));
}).listen(Number(port), "127.0.0.1");
