/** Choices of one among several, and those for appearance and language. */
import type { JSX, TargetedEvent } from "preact";
import { useSurroundings } from "./contexts.ts";
import { ownWordsFor } from "./own-words.ts";
import { languages, type Preference, themes } from "./preferences.ts";

interface ChoiceProps<T extends string> {
  readonly id: string;
  readonly label: string;
  readonly preference: Preference<T>;
  readonly choices: readonly T[];
  readonly names: Readonly<Record<T, string>>;
}

export function Choice<T extends string>({
  id,
  label,
  preference,
  choices,
  names,
}: ChoiceProps<T>): JSX.Element {
  const onChange = (event: TargetedEvent<HTMLSelectElement>): void => {
    const chosen = choices.find((choice) => choice === event.currentTarget.value);
    if (chosen !== undefined) preference.choose(chosen);
  };
  return (
    <div class="choice">
      <label for={id}>{label}</label>
      <select id={id} value={preference.value} onChange={onChange}>
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {names[choice]}
          </option>
        ))}
      </select>
    </div>
  );
}

export function Choices(): JSX.Element {
  const { preferences, catalogue } = useSurroundings();
  const words = ownWordsFor(catalogue.value);
  return (
    <>
      <Choice
        id="theme"
        label={words.theme}
        preference={preferences.theme}
        choices={themes}
        names={words.themes}
      />
      <Choice
        id="language"
        label={words.languageChoice}
        preference={preferences.language}
        choices={languages}
        names={words.languages}
      />
    </>
  );
}
