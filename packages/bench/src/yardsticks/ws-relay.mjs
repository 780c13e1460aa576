/**
 * Yardstick: the classic protocol's relay on Node with `ws`, as its documentation suggests (no compression), and
 * nothing else: no limits, no storage. Users' lists are shared by the logins of 50 ms, as Duologue does.
 */
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const LIST_SHARE_MS = 50;
const users = new Map();
let listPending = false;

function shareList() {
  if (listPending) return;
  listPending = true;
  setTimeout(() => {
    listPending = false;
    const names = [...users].map(([address, user]) => [address, user.name]);
    const list = `users:${JSON.stringify(Object.fromEntries(names))}`;
    for (const { socket } of users.values()) socket.send(list);
  }, LIST_SHARE_MS);
}

const http = createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: false });
server.on("connection", (socket, request) => {
  const address = `${request.socket.remoteAddress}:${request.socket.remotePort}`;
  socket.on("message", (data) => {
    const frame = data.toString();
    if (frame.startsWith("chat:<")) {
      const end = frame.indexOf(">:", 6);
      users.get(frame.slice(6, end))?.socket.send(`msg:${frame.slice(end + 2)}`);
    } else if (frame.startsWith("login:")) {
      const name = frame.slice(6);
      users.set(address, { name, socket });
      socket.send("notice:success");
      socket.send(`msg:welcome ${name}`);
      shareList();
    }
  });
  socket.on("close", () => {
    if (users.delete(address)) shareList();
  });
});
http.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => {
  process.stdout.write(`listening on http://127.0.0.1:${http.address().port}\n`);
});
