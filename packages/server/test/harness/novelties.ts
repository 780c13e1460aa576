/** What a node of the next version says on the bus besides: words, fields and kinds that this version does not know. */
import type { Answer, NodeLink } from "../../src/ports/node-link.ts";

/** The name of all of them. Whoever is told of one passes it over; it may reach a client within an event. */
export const NOVELTY = "novelty";

type Speaking = Pick<NodeLink, "publish" | "request">;

/** Links with this prototype say more. */
export function addNovelties(prototype: Speaking): void {
  const { publish, request } = prototype;
  prototype.publish = function (this: Speaking, subject, payload): boolean {
    for (const novelty of noveltiesBeside(payload)) publish.call(this, subject, novelty);
    return publish.call(this, subject, enrich(payload));
  };
  prototype.request = function (this: Speaking, subject, payload, timeoutMs): Promise<Answer> {
    return request.call(this, subject, enrich(payload), timeoutMs);
  };
}

/** Notes have words before their JSON, of which the last may be new; everything has room for a field. */
function enrich(payload: string): string {
  const [words = "", fields] = split(payload);
  const more = words === "" ? "" : `${words} ${NOVELTY} `;
  return fields === undefined
    ? more.trimEnd()
    : `${more}${JSON.stringify({ ...fields, [NOVELTY]: { is: "new" } })}`;
}

/** A message of a kind that is not known, where kinds are told apart. */
function noveltiesBeside(payload: string): string[] {
  const [words = "", fields] = split(payload);
  const [version, node] = words.split(" ");
  if (words !== "") return [`${version} ${node} ${NOVELTY} first second {"third":3}`];
  return fields === undefined ? [] : [JSON.stringify({ v: fields.v, node: fields.node, kind: NOVELTY })];
}

function split(
  payload: string,
): readonly [words: string, fields: Readonly<Record<string, unknown>> | undefined] {
  const brace = payload.indexOf("{");
  if (brace < 0) return [payload, undefined];
  return [payload.slice(0, brace).trimEnd(), JSON.parse(payload.slice(brace)) as Record<string, unknown>];
}
