/** Which conversation, and which message of it, the address names: `#/c/<conversation>` and `#/c/<conversation>/m/<seq>`. */
export interface Place {
  readonly conversation: string | undefined;
  /** The number of a message to show. */
  readonly seq: number | undefined;
}

const ADDRESS = /^#\/c\/([A-Za-z0-9_-]{1,64})(?:\/m\/(\d{1,15}))?$/;

export function placeOf(fragment: string): Place {
  const [, conversation, seq] = ADDRESS.exec(fragment) ?? [];
  return { conversation, seq: seq === undefined ? undefined : Number(seq) };
}

export function addressOf({ conversation, seq }: Place): string {
  if (conversation === undefined) return "#/";
  return seq === undefined ? `#/c/${conversation}` : `#/c/${conversation}/m/${seq}`;
}
