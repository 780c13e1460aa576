/** Lets the browser keep the page, so that it opens without the server too. */
import type { Environment } from "@duologue/client";

const SERVICE_WORKER = "/service-worker.js";
/** The first seconds belong to the first message. */
const DELAY_MS = 3_000;

/** The part of the Trusted Types standard that is used. */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): {
    createScriptURL(url: string): unknown;
  };
}

/** Browsers offer it on https: and localhost only; elsewhere the page needs its server. */
export function keepPage(environment: Environment): void {
  const { serviceWorker } = navigator as Partial<Navigator>;
  if (serviceWorker === undefined) return;
  environment.after(DELAY_MS, () => void register(serviceWorker));
}

async function register(container: ServiceWorkerContainer): Promise<void> {
  try {
    await container.register(trustedAddress() as string, { updateViaCache: "none" });
  } catch {
    // A private window may forbid it, and a server that goes away fails it: the next visit tries again.
  }
}

/** The content security policy lets no text become a script's address but by this policy, which knows one. */
function trustedAddress(): unknown {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  if (trustedTypes === undefined) return SERVICE_WORKER;
  const policy = trustedTypes.createPolicy("service-worker", { createScriptURL: () => SERVICE_WORKER });
  return policy.createScriptURL("");
}
