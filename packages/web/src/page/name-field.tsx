/** Where people say what they are called: when they sign in, and later in the settings. */
import type { JSX, Ref } from "preact";
import type { Catalogue } from "./catalogue.ts";
import { useCatalogue } from "./contexts.ts";

export interface Notice {
  readonly say: (catalogue: Catalogue) => string;
  /** Something that the name or the server stands in the way of; otherwise it is only said. */
  readonly isProblem: boolean;
}

/** What became of a name. */
export interface NameState {
  readonly pending: boolean;
  /** Why the last try failed, or what else is to be said. */
  readonly notice: Notice | undefined;
  /** A name that is free. */
  readonly suggestion: string | undefined;
}

export const untried: NameState = { pending: false, notice: undefined, suggestion: undefined };

interface NameFieldProps {
  readonly id: string;
  readonly field: Ref<HTMLInputElement>;
  readonly state: NameState;
  readonly value?: string;
  readonly onInput?: (name: string) => void;
  readonly onSuggestion: (name: string) => void;
}

/** The rule below it gives way to the problem, which says the same and more. */
export function NameField({ id, field, state, value, onInput, onSuggestion }: NameFieldProps): JSX.Element {
  const catalogue = useCatalogue();
  const { notice, suggestion } = state;
  const isProblem = notice?.isProblem === true;
  const [rule, problem] = [`${id}-rule`, `${id}-problem`];
  return (
    <>
      <label for={id}>{catalogue.nickname}</label>
      <input
        ref={field}
        id={id}
        name="nickname"
        required
        autoComplete="nickname"
        autoCapitalize="off"
        spellcheck={false}
        dir="auto"
        maxLength={128}
        {...(value === undefined ? {} : { value })}
        onInput={(event) => onInput?.(event.currentTarget.value)}
        aria-describedby={isProblem ? problem : rule}
        aria-invalid={isProblem ? "true" : undefined}
      />
      {!isProblem && (
        <p id={rule} class="hint">
          {catalogue.nicknameRule}
        </p>
      )}
      {notice !== undefined && (
        <p id={problem} class="notice" role="alert" data-problem={isProblem || undefined}>
          {notice.say(catalogue)}
        </p>
      )}
      {suggestion !== undefined && (
        <button type="button" class="link" onClick={() => onSuggestion(suggestion)}>
          {catalogue.takeSuggestion(suggestion)}
        </button>
      )}
    </>
  );
}
