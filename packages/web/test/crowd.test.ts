/** More people are online than the list can hold: who is in the conversations is still seen to come and go. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { limits } from "@duologue/testing";
import { Stage } from "./people.ts";

setDefaultTimeout(60_000);
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open({ options: limits({ lobbyUsers: 2 }) });
});

afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
});

test("[LB7] past the limit of the list, the dots in the conversations follow who comes and goes", async () => {
  const { anna, ben, benName } = await stage.joinPair();
  const header = (text: string | RegExp) => anna.locator(".pane header .preview", { hasText: text });
  const dot = anna.locator(".row", { hasText: benName }).locator("[data-online]");
  await header(/^online$/).waitFor();
  const { page: carl } = await stage.join("Carl");
  await anna.locator(".lists h2", { hasText: /2/ }).waitFor();
  await header(/^online$/).waitFor();
  await dot.first().waitFor();
  const address = ben.url();
  const context = ben.context();
  await ben.close();
  await header(/^last seen just now$/).waitFor();
  expect(await dot.count()).toBe(0);
  const { page: dora } = await stage.join("Dora");
  const again = await context.newPage();
  await again.goto(address);
  await header(/^online$/).waitFor();
  await dot.first().waitFor();
  for (const page of [carl, dora]) await page.close();
  expect(stage.complaints).toEqual([]);
});
