import type { ReadonlySignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Choices } from "./choices.tsx";
import { useCatalogue, useSurroundings } from "./contexts.ts";
import { Icon } from "./icons.tsx";
import { NameField, type NameState } from "./name-field.tsx";
import { ownWordsFor } from "./own-words.ts";

interface SignInProps {
  readonly state: ReadonlySignal<NameState>;
  readonly signIn: (nickname: string) => void;
}

export function SignIn({ state, signIn }: SignInProps): JSX.Element {
  const catalogue = useCatalogue();
  useEffect(() => {
    document.title = catalogue.signInTitle;
  }, [catalogue]);
  return (
    <main class="sign-in">
      <div class="card">
        <span class="emblem brand">
          <Icon name="talk" />
        </span>
        <h1>{catalogue.signInTitle}</h1>
        <p class="lead">{ownWordsFor(catalogue).signInHint}</p>
        <NicknameForm state={state} signIn={signIn} />
        <div class="choices">
          <Choices />
        </div>
      </div>
    </main>
  );
}

/** Asks for a nickname. */
export function NicknameForm({ state, signIn }: SignInProps): JSX.Element {
  const catalogue = useCatalogue();
  const { frame } = useSurroundings();
  const { pending } = state.value;
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (frame === undefined || document.hasFocus()) input.current?.focus();
  }, [catalogue, frame]);
  const onSubmit = (event: Event): void => {
    event.preventDefault();
    const nickname = input.current?.value.trim() ?? "";
    if (nickname !== "") signIn(nickname);
  };
  const takeSuggestion = (name: string): void => {
    if (input.current !== null) input.current.value = name;
    signIn(name);
  };
  return (
    <form onSubmit={onSubmit}>
      <NameField id="nickname" field={input} state={state.value} onSuggestion={takeSuggestion} />
      <button type="submit" class="primary" disabled={pending}>
        {pending ? catalogue.signingIn : catalogue.signIn}
      </button>
    </form>
  );
}
