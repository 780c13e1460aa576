/** How the site that embeds us proves who its users are, as the operator configured it. Holds a secret: never log it. */
export type HostKey =
  | { readonly kind: "secret"; readonly secret: string }
  /** An address of a JSON Web Key Set (RFC 7517). */
  | { readonly kind: "jwks"; readonly url: string };

export interface HostLogin {
  readonly key: HostKey;
  /** What `iss` must be; undefined: anything. */
  readonly issuer: string | undefined;
  /** What `aud` must be or hold; undefined: anything. */
  readonly audience: string | undefined;
}
