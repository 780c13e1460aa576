import { systemClock } from "../clock.ts";
import { nodeLinkContract } from "./contract.ts";
import { MemoryBus, type MemoryLink } from "./memory-link.ts";

nodeLinkContract("memory", async () => {
  const bus = new MemoryBus({ clock: systemClock, onFault: () => undefined });
  const links: MemoryLink[] = [];
  return {
    connect: async () => {
      const link = bus.connect(`node-${links.length}`);
      links.push(link);
      return link;
    },
    breakBus: async () => {
      for (const link of links) link.cut();
    },
    mendBus: async () => {
      for (const link of links) link.mend();
    },
    [Symbol.asyncDispose]: async () => {
      for (const link of links) bus.remove(link);
    },
  };
});
