import type { ErrorCode } from "@duologue/protocol";
import type { Catalogue } from "./catalogue.ts";
import { chinese } from "./chinese.ts";
import { english } from "./english.ts";

const catalogues: Readonly<Record<"en" | "zh", Catalogue>> = { en: english, zh: chinese };

/** The first of the reader's languages that there is; English otherwise. */
export function chooseCatalogue(languages: readonly string[]): Catalogue {
  for (const language of languages) {
    const primary = language.toLowerCase().split("-")[0];
    if (primary === "zh" || primary === "en") return catalogues[primary];
  }
  return english;
}

/** What to tell people about a refusal; codes that a newer server added get the general sentence. */
export function explain(catalogue: Catalogue, code: string): string {
  const { errors, requestFailures } = catalogue;
  if (Object.hasOwn(errors, code)) return errors[code as ErrorCode];
  if (Object.hasOwn(requestFailures, code)) return requestFailures[code as keyof typeof requestFailures];
  return catalogue.failed;
}
