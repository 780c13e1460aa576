/** Which user somebody of the host page's site is: derived as the server derives it (SPEC HT3). */

/** The `iss` of a JWT, "" without one. Nothing is verified: the server does that. Undefined when it is no JWT. */
export function issuerOf(token: string): string | undefined {
  const [, payload] = token.split(".");
  if (payload === undefined) return undefined;
  try {
    const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (character) =>
      character.charCodeAt(0),
    );
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof claims !== "object" || claims === null) return undefined;
    const issuer = "iss" in claims ? claims.iss : undefined;
    return typeof issuer === "string" ? issuer : "";
  } catch {
    return undefined;
  }
}

/** The user id of who has this `sub` at the site that signed the token; undefined when it is none of a site's. */
export async function hostUserId(token: string, subject: string): Promise<string | undefined> {
  const issuer = issuerOf(token);
  if (issuer === undefined) return undefined;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${issuer}\0${subject}`));
  const text = btoa(String.fromCharCode(...new Uint8Array(digest)));
  return `h_${text.replaceAll("+", "-").replaceAll("/", "_").slice(0, 22)}`;
}
