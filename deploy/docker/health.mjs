/** The image's health check, which has no curl: 0 when the server takes messages. */
const port = process.env.DUOLOGUE_PORT || "9090";
const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
process.exit(answer?.ok === true ? 0 : 1);
