/**
 * A schema is one value from which three things are read: the TypeScript type, the check at run time and the
 * reference tables of SPEC.md. It is written here, and not taken from a library, because every frame passes
 * through it and because the browser client carries it (docs/adr/0002-own-frame-schemas.md).
 *
 * Checks are total: they never throw, whatever they are given.
 */
export interface Schema<T> {
  /** Says what is wrong with the value at `path`, or undefined when it fits. */
  readonly check: (value: unknown, path: string) => string | undefined;
  readonly describe: SchemaDescription;
  /** Only in the type: carries T for `Infer`. */
  readonly type?: T;
}

export interface OptionalSchema<T> extends Schema<T | undefined> {
  readonly optional: true;
}

/** What SPEC.md prints about a schema. */
export interface SchemaDescription {
  readonly kind: string;
  readonly note?: string;
  readonly fields?: Readonly<Record<string, SchemaDescription & { readonly optional?: boolean }>>;
  /** array: its item; tagged: its members. */
  readonly parts?: readonly SchemaDescription[];
}

export type Infer<S> = S extends Schema<infer T> ? T : never;

type Fields = Readonly<Record<string, Schema<unknown>>>;
type OptionalKeys<F extends Fields> = {
  [K in keyof F]: F[K] extends { optional: true } ? K : never;
}[keyof F];
type Flatten<T> = { readonly [K in keyof T]: T[K] };
type ObjectOf<F extends Fields> = Flatten<
  { [K in Exclude<keyof F, OptionalKeys<F>>]: Infer<F[K]> } & {
    [K in OptionalKeys<F>]?: Exclude<Infer<F[K]>, undefined>;
  }
>;

interface TextRules {
  readonly min?: number;
  readonly max: number;
  readonly pattern?: RegExp;
  readonly note?: string;
}

/** Lengths are in UTF-16 units: an upper bound for memory, not a count of what people see. */
export function text(rules: TextRules): Schema<string> {
  const min = rules.min ?? 0;
  const { max, pattern } = rules;
  const kind = `string, ${min}–${max} characters`;
  return {
    describe: rules.note === undefined ? { kind } : { kind, note: rules.note },
    check(value, path) {
      if (typeof value !== "string") return `${path} must be a string`;
      if (value.length < min || value.length > max) return `${path} must have ${min} to ${max} characters`;
      if (pattern !== undefined && !pattern.test(value)) return `${path} has a form that is not allowed`;
      return undefined;
    },
  };
}

export function integer(min: number, max: number): Schema<number> {
  return {
    describe: { kind: `integer, ${min}–${max === Number.MAX_SAFE_INTEGER ? "2^53−1" : max}` },
    check(value, path) {
      return Number.isInteger(value) && (value as number) >= min && (value as number) <= max
        ? undefined
        : `${path} must be a whole number from ${min} to ${max}`;
    },
  };
}

export function boolean(): Schema<boolean> {
  return {
    describe: { kind: "boolean" },
    check: (value, path) => (typeof value === "boolean" ? undefined : `${path} must be true or false`),
  };
}

export function literal<const T extends string | number | boolean>(expected: T): Schema<T> {
  return {
    describe: { kind: JSON.stringify(expected) },
    check: (value, path) => (value === expected ? undefined : `${path} must be ${JSON.stringify(expected)}`),
  };
}

export function oneOf<const T extends string>(...choices: readonly T[]): Schema<T> {
  const kind = choices.map((choice) => JSON.stringify(choice)).join(" | ");
  return {
    describe: { kind },
    check: (value, path) =>
      (choices as readonly unknown[]).includes(value) ? undefined : `${path} must be one of ${kind}`,
  };
}

/** A word that a newer peer may not share with us: one of the known choices, or another of at most 32 characters. */
export function openOneOf(...choices: readonly string[]): Schema<string> {
  return {
    describe: { kind: `${choices.map((choice) => JSON.stringify(choice)).join(" | ")} | another word` },
    check: (value, path) =>
      typeof value === "string" && value.length > 0 && value.length <= 32
        ? undefined
        : `${path} must be a word of at most 32 characters`,
  };
}

export function array<T>(item: Schema<T>, max: number): Schema<readonly T[]> {
  return {
    describe: { kind: `array of at most ${max} of ${item.describe.kind}`, parts: [item.describe] },
    check(value, path) {
      if (!Array.isArray(value)) return `${path} must be an array`;
      if (value.length > max) return `${path} must have at most ${max} items`;
      for (let index = 0; index < value.length; index += 1) {
        const problem = item.check(value[index], `${path}[${index}]`);
        if (problem !== undefined) return problem;
      }
      return undefined;
    },
  };
}

export function optional<T>(inner: Schema<T>): OptionalSchema<T> {
  return {
    optional: true,
    describe: inner.describe,
    check: (value, path) => (value === undefined ? undefined : inner.check(value, path)),
  };
}

/** Names that reach an object's prototype when somebody copies fields carelessly (CWE-1321). */
const PROTOTYPE_KEYS = ["__proto__", "constructor", "prototype"] as const;
const MAX_UNKNOWN_DEPTH = 8;

/**
 * An object with these fields. Fields it does not know are let through unread, so that a newer peer may add some;
 * but not deeper than 8 levels, and never with names that reach a prototype, at whatever depth.
 */
export function object<F extends Fields>(kind: string, fields: F): Schema<ObjectOf<F>> {
  const names = Object.keys(fields);
  const schemas = names.map((name) => fields[name] as Schema<unknown>);
  const describeFields: Record<string, SchemaDescription & { optional?: boolean }> = {};
  for (const name of names) {
    const schema = fields[name] as Schema<unknown>;
    describeFields[name] = "optional" in schema ? { ...schema.describe, optional: true } : schema.describe;
  }
  return {
    describe: { kind, fields: describeFields },
    check(value, path) {
      if (typeof value !== "object" || value === null || Array.isArray(value))
        return `${path} must be an object`;
      const record = value as Record<string, unknown>;
      let known = 0;
      for (let index = 0; index < names.length; index += 1) {
        const name = names[index] as string;
        const field = record[name];
        if (field !== undefined) known += 1;
        const problem = (schemas[index] as Schema<unknown>).check(
          field,
          path === "" ? name : `${path}.${name}`,
        );
        if (problem !== undefined) return problem;
      }
      return hasOnlyKnownFields(record, known) ? undefined : checkUnknownFields(record, fields, path);
    },
  };
}

function hasOnlyKnownFields(record: Record<string, unknown>, known: number): boolean {
  let count = 0;
  for (const _ in record) count += 1;
  return count === known;
}

function checkUnknownFields(
  record: Record<string, unknown>,
  fields: Fields,
  path: string,
): string | undefined {
  const place = path === "" ? "frame" : path;
  for (const name of PROTOTYPE_KEYS) {
    if (Object.hasOwn(record, name)) return `${place} must not have a field ${name}`;
  }
  for (const name of Object.keys(record)) {
    if (Object.hasOwn(fields, name)) continue;
    const problem = checkUnknownValue(record[name], MAX_UNKNOWN_DEPTH, place);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function checkUnknownValue(value: unknown, levels: number, place: string): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (levels === 0) return `${place} is nested too deep`;
  for (const name of PROTOTYPE_KEYS) {
    if (Object.hasOwn(value, name)) return `${place} must not have a field ${name}`;
  }
  for (const inner of Object.values(value)) {
    const problem = checkUnknownValue(inner, levels - 1, place);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** A union whose member is chosen by the text in one field. */
export function tagged<Tag extends string, M extends Readonly<Record<string, Schema<unknown>>>>(
  tag: Tag,
  members: M,
): Schema<Infer<M[keyof M]>> & { readonly members: M } {
  const kind = Object.keys(members).join(" | ");
  return {
    members,
    describe: { kind, parts: Object.values(members).map((member) => member.describe) },
    check(value, path) {
      if (typeof value !== "object" || value === null)
        return `${path === "" ? "frame" : path} must be an object`;
      const name = (value as Record<string, unknown>)[tag];
      if (typeof name !== "string" || !Object.hasOwn(members, name)) {
        return `${path === "" ? tag : `${path}.${tag}`} must be one of ${kind}`;
      }
      return (members[name] as Schema<unknown>).check(value, path);
    },
  };
}
