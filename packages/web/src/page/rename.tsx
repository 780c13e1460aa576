/** In the settings: what a guest is called. */
import { RequestError } from "@duologue/client";
import type { User } from "@duologue/protocol";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useCatalogue, useChat } from "./contexts.ts";
import { codeOf, explain } from "./languages.ts";
import { NameField, type NameState, untried } from "./name-field.tsx";
import { ownWordsFor } from "./own-words.ts";

/** Nothing for members: the name of a member comes from the site that they belong to. */
export function Rename(): JSX.Element | null {
  const { me } = useChat().client;
  return me?.kind === "guest" ? <RenameForm me={me} /> : null;
}

function RenameForm({ me }: { readonly me: User }): JSX.Element {
  const chat = useChat();
  const { saving } = ownWordsFor(useCatalogue());
  const { save } = useCatalogue();
  const [name, setName] = useState(me.name);
  const [state, setState] = useState<NameState>(untried);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (chat.settings.peek() === "name") field.current?.select();
  }, [chat]);
  const rename = async (wanted: string): Promise<void> => {
    setName(wanted);
    setState({ ...untried, pending: true });
    setState(await tryName(() => chat.client.rename(wanted)));
  };
  const onSubmit = (event: Event): void => {
    event.preventDefault();
    void rename(name.trim());
  };
  const isSame = name.trim() === "" || name.trim() === me.name;
  return (
    <form class="rename" onSubmit={onSubmit}>
      <NameField
        id="own-name"
        field={field}
        state={state}
        value={name}
        onInput={(text) => {
          setName(text);
          setState(untried);
        }}
        onSuggestion={(suggestion) => void rename(suggestion)}
      />
      <button type="submit" class="primary" disabled={isSame || state.pending}>
        {state.pending ? saving : save}
      </button>
    </form>
  );
}

async function tryName(run: () => Promise<User>): Promise<NameState> {
  try {
    await run();
    return { ...untried, notice: { say: (catalogue) => ownWordsFor(catalogue).nameSaved, isProblem: false } };
  } catch (error) {
    const code = codeOf(error);
    return {
      pending: false,
      notice: { say: (catalogue) => explain(catalogue, code), isProblem: true },
      suggestion: error instanceof RequestError ? error.suggestion : undefined,
    };
  }
}
