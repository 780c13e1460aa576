/** What the doctor finds. */

/** wrong: it cannot run, or not for long; worth: it runs, but somebody should look at it. */
export interface Finding {
  readonly grade: "fine" | "worth" | "wrong";
  readonly text: string;
  /** What to do. */
  readonly advice?: string;
}

/** What was found in a store, and what later findings need of it. */
export interface StoreFindings {
  readonly facts:
    | {
        /** What keeps the data, with its version. */
        readonly engine: string;
        /** Of the tables; 0: there are none. */
        readonly version: number;
        readonly newestVersion: number;
        /** Of the last event, in milliseconds since 1970; 0 when there is none. */
        readonly lastTime: number;
      }
    | undefined;
  readonly findings: readonly Finding[];
}

export function fine(text: string): Finding {
  return { grade: "fine", text };
}

export function worth(text: string, advice: string): Finding {
  return { grade: "worth", text, advice };
}

export function wrong(text: string, advice: string): Finding {
  return { grade: "wrong", text, advice };
}
