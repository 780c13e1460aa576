import type { ErrorCode } from "@duologue/protocol";
import type { Catalogue } from "./catalogue.ts";
import { chinese } from "./chinese.ts";
import { english } from "./english.ts";
import type { Language } from "./preferences.ts";

const catalogues: Readonly<Record<Exclude<Language, "system">, Catalogue>> = { en: english, zh: chinese };

/** The language that was chosen; otherwise the first of the reader's languages that there is; otherwise English. */
export function chooseCatalogue(languages: readonly string[], chosen: Language = "system"): Catalogue {
  if (chosen !== "system") return catalogues[chosen];
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

/** The code of whatever a request was rejected with; empty when it has none. */
export function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}
