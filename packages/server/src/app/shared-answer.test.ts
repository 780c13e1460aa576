/** That a flood of the same question does not become a flood of work. */
import { expect, test } from "bun:test";
import { shareAnswer } from "./shared-answer.ts";

test("who asks while a question is under way gets its answer, and who asks later a new one", async () => {
  const questions: PromiseWithResolvers<boolean>[] = [];
  const ask = shareAnswer(() => {
    const question = Promise.withResolvers<boolean>();
    questions.push(question);
    return question.promise;
  });
  const crowd = Array.from({ length: 1_000 }, ask);
  expect(questions).toHaveLength(1);
  questions[0]?.resolve(true);
  expect(new Set(await Promise.all(crowd))).toEqual(new Set([true]));
  const later = ask();
  expect(questions).toHaveLength(2);
  questions[1]?.resolve(false);
  expect(await later).toBe(false);
});

test("a failure is told to all who waited for it, and not to those who ask after it", async () => {
  let asked = 0;
  const ask = shareAnswer(async () => {
    asked += 1;
    if (asked === 1) throw new Error("away");
    return true;
  });
  const outcomes = await Promise.allSettled([ask(), ask()]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect([await ask(), asked] as const).toEqual([true, 2]);
});
