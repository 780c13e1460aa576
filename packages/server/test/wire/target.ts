/** What the suite is run against, and how its tests are told apart that a server of that kind cannot pass. */
import { expect, test as register } from "bun:test";
import { withDeadline } from "@duologue/testing";
import type { Place } from "../harness/peer.ts";

export interface Target {
  /** For v1 clients. Called inside the tests only, when the server is there. */
  readonly place: () => Place;
  /** For whoever needs HTTP, bytes or the classic protocol. Throws where there is no address. */
  readonly url: () => string;
  readonly test: SuiteTest;
}

type Run<Parameters extends readonly unknown[]> = (...parameters: Parameters) => Promise<void>;

export interface SuiteTest {
  (title: string, run: Run<[]>): void;
  /** For each row, `%s` and `%j` in the title stand for its parts in turn, `$name` for the one of that name. */
  each<Row extends readonly [unknown, ...unknown[]]>(
    rows: readonly Row[],
  ): (title: string, run: Run<Row>) => void;
  each<Row>(rows: readonly Row[]): (title: string, run: Run<[Row]>) => void;
}

/** A server at an address, of which everything is asked. */
export function addressTarget(url: () => string): Target {
  return { place: url, url, test: makeTest(register) };
}

/** Tests by the beginnings of their titles, and why they cannot pass. */
export type Exceptions = Readonly<Record<string, string>>;

const FAILS_WITHIN_MS = 2_000;

/** All of the suite's tests, each of which must pass, or fail if it is among the exceptions. */
export class ExceptionsTest {
  readonly #exceptions: Exceptions;
  readonly #unused: Set<string>;
  readonly test: SuiteTest = makeTest((title, run) => {
    const beginning = Object.keys(this.#exceptions).find((one) => title.startsWith(one));
    if (beginning === undefined) {
      register(title, run);
      return;
    }
    this.#unused.delete(beginning);
    register(`${title} (not here: ${this.#exceptions[beginning]})`, async () => {
      // What never comes is a failure too, and not worth a test's whole patience.
      const outcome = await withDeadline(run(), () => "nothing came", FAILS_WITHIN_MS).then(
        () => "passes, and does not belong into the table",
        () => "fails",
      );
      expect(outcome).toBe("fails");
    });
  });

  constructor(exceptions: Exceptions) {
    this.#exceptions = exceptions;
    this.#unused = new Set(Object.keys(exceptions));
  }

  /** Those that no test had. */
  get unused(): readonly string[] {
    return [...this.#unused];
  }
}

function makeTest(add: (title: string, run: Run<[]>) => void): SuiteTest {
  const each =
    (rows: readonly unknown[]) =>
    (title: string, run: (...parameters: readonly unknown[]) => Promise<void>): void => {
      for (const row of rows) {
        const parts: readonly unknown[] = Array.isArray(row) ? row : [row];
        add(titleFor(title, parts), () => run(...parts));
      }
    };
  return Object.assign((title: string, run: Run<[]>) => add(title, run), { each: each as SuiteTest["each"] });
}

function titleFor(title: string, parts: readonly unknown[]): string {
  let next = 0;
  const [first] = parts;
  return title
    .replaceAll(/%[sj]/g, (mark) => {
      const part = parts[next];
      next += 1;
      return mark === "%s" ? String(part) : JSON.stringify(part);
    })
    .replaceAll(/\$(\w+)/g, (_, name: string) => String((first as Record<string, unknown>)[name]));
}
