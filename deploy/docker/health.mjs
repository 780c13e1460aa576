/** The image's health check, which has no curl: 0 when the server takes messages. */
const { DUOLOGUE_HOST: host = "", DUOLOGUE_PORT: port } = process.env;
const address = ["", "0.0.0.0", "::"].includes(host) ? "127.0.0.1" : host;
const at = address.includes(":") ? `[${address}]` : address;
const answer = await fetch(`http://${at}:${port || "9090"}/readyz`).catch(() => undefined);
process.exit(answer?.ok === true ? 0 : 1);
