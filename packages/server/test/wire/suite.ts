/**
 * The rules of SPEC.md as a client sees them: any server that speaks duologue.v1 with the limits' defaults can be put to
 * it. Each test brings its own users, so that it may run beside others, on a server in use.
 */
import { describe, setDefaultTimeout } from "bun:test";
import { authorisationTests } from "./authorisation.ts";
import { badInputTests } from "./bad-input.ts";
import { catchingUpTests } from "./catching-up.ts";
import { changeTests } from "./changes.ts";
import { connectingTests } from "./connecting.ts";
import { historyTests } from "./history.ts";
import { lobbyTests } from "./lobby.ts";
import { loggingInTests } from "./logging-in.ts";
import { messageTests } from "./messages.ts";
import { nicknameTests } from "./nicknames.ts";
import { seenTests } from "./seen.ts";
import type { Target } from "./target.ts";
import { watchingTests } from "./watching.ts";

export function wireTests(name: string, target: Target): void {
  setDefaultTimeout(60_000);
  describe(name, () => {
    connectingTests(target);
    loggingInTests(target);
    nicknameTests(target);
    lobbyTests(target);
    watchingTests(target);
    messageTests(target);
    changeTests(target);
    historyTests(target);
    seenTests(target);
    catchingUpTests(target);
    badInputTests(target);
    authorisationTests(target);
  });
}
