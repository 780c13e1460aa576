/** Which of the compressed forms a client takes (RFC 9110 §12.5.3). */

/** The one that we would rather send first. */
export const contentEncodings = ["br", "gzip"] as const;
export type ContentEncoding = (typeof contentEncodings)[number];

/** `accepted` is the field's value, empty when there is none. Undefined: send it as it is, which is always allowed here. */
export function chooseEncoding(
  accepted: string,
  offered: readonly ContentEncoding[],
): ContentEncoding | undefined {
  const weights = new Map<string, number>();
  for (const part of accepted.toLowerCase().split(",")) {
    const [name = "", ...parameters] = part.split(";").map((text) => text.trim());
    const weight = parameters.find((text) => text.startsWith("q="))?.slice(2) ?? "1";
    weights.set(name, Number(weight));
  }
  const takes = (name: string): boolean => (weights.get(name) ?? weights.get("*") ?? 0) > 0;
  return contentEncodings.find((name) => offered.includes(name) && takes(name));
}
