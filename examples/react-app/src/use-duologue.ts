import { createDuologue, type Duologue } from "@duologue/widget";
import { useEffect, useState } from "react";

export interface DuologueState {
  readonly unread: number;
  readonly open: () => void;
}

/** The launcher while the component is there and this person is logged in; `peer` may change at any time. */
export function useDuologue(url: string, person: string, peer: string): DuologueState {
  const [duologue, setDuologue] = useState<Duologue>();
  const [unread, setUnread] = useState(0);

  useEffect(() => {
    const made = createDuologue({ url, getToken: () => fetchToken(person) });
    made.element.addEventListener("duologue:unread", (event) => setUnread(event.detail.count));
    setDuologue(made);
    return () => made.destroy();
  }, [url, person]);

  useEffect(() => duologue?.change({ peer }), [duologue, peer]);

  return { unread, open: () => duologue?.open() };
}

async function fetchToken(person: string): Promise<string> {
  const response = await fetch(`/token?person=${encodeURIComponent(person)}`);
  if (!response.ok) throw new Error(`The server gave no token: ${response.status}`);
  return await response.text();
}
