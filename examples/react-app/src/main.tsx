import { type ReactNode, useState } from "react";
import { createRoot } from "react-dom/client";
import { useDuologue } from "./use-duologue.ts";

const colleagues = ["ann", "ben", "cleo"] as const;

function App({ chat, person }: { readonly chat: string; readonly person: string }): ReactNode {
  const others = colleagues.filter((one) => one !== person);
  const [peer, setPeer] = useState<string>(others[0] ?? "");
  const { unread, open } = useDuologue(chat, person, peer);
  return (
    <main>
      <h1>Logged in as {person}</h1>
      <label>
        Write to{" "}
        <select value={peer} onChange={(event) => setPeer(event.target.value)}>
          {others.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      <button type="button" onClick={open}>
        Messages ({unread})
      </button>
    </main>
  );
}

const place = document.getElementById("root");
if (place !== null) {
  const person = new URLSearchParams(location.search).get("person") ?? "ann";
  createRoot(place).render(<App chat={place.dataset.chat ?? ""} person={person} />);
}
