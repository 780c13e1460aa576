import { setDefaultTimeout } from "bun:test";
import { NatsServer, until } from "@duologue/testing";
import { systemClock } from "../../clock.ts";
import { createLogger } from "../../log.ts";
import { nodeLinkContract } from "../contract.ts";
import { NatsLink } from "./nats-link.ts";

setDefaultTimeout(30_000);

const log = createLogger({ level: "silent", format: "json", name: "test" });

nodeLinkContract("NATS", async () => {
  const server = await NatsServer.start();
  const access = { urls: [server.url], credentials: undefined, ca: undefined };
  const links: NatsLink[] = [];
  return {
    connect: async () => {
      const link = await NatsLink.connect({ access, realm: "test", clock: systemClock, log });
      links.push(link);
      return link;
    },
    breakBus: async () => {
      await server.kill();
      await until(() => links.every((link) => !link.isConnected), "all nodes have noticed");
    },
    mendBus: () => server.start(),
    [Symbol.asyncDispose]: async () => {
      for (const link of links) link.close();
      await server[Symbol.asyncDispose]();
    },
  };
});
