/** docs/protocol.md: limits, errors, close codes and the fields of every frame, as the code has them. */
import {
  clientFrameSchema,
  closeTable,
  errorTable,
  limitTable,
  type SchemaDescription,
  SUBPROTOCOL,
  serverFrameSchema,
} from "@duologue/protocol";
import { code, GENERATED, table } from "./markdown.ts";

export function protocolPage(): string {
  return [
    "# The protocol: tables and frames",
    GENERATED,
    `What ${code(SUBPROTOCOL)} means is in [SPEC.md](../packages/protocol/SPEC.md); here are its tables.`,
    "## Limits",
    "The operator can change them, but for those that are fixed, on which depends what is stored ([configuration](configuration.md)). What clients must know stands in `welcome.limits`.",
    table(
      ["Limit", "Default", "Unit", "What it bounds", "When it is passed"],
      Object.entries(limitTable).map(([name, limit]) => [
        code(name),
        limit.value.toLocaleString("en") + (limit.isFixed === true ? ", fixed" : ""),
        limit.unit,
        limit.meaning,
        limit.outcome === "" ? "–" : limit.outcome,
      ]),
    ),
    "## Errors",
    "An `error` frame answers one frame; the connection goes on. *Retry*: the same frame may succeed later, unchanged.",
    table(
      ["Code", "Message", "Retry"],
      Object.entries(errorTable).map(([name, entry]) => [
        code(name),
        entry.message,
        entry.retryable ? "yes" : "no",
      ]),
    ),
    "## Close codes",
    "4000–4499: come back. 4500–4999: coming back with the same hello is useless.",
    table(
      ["Code", "Reason", "Meaning"],
      Object.entries(closeTable).map(([name, entry]) => [String(entry.code), code(name), entry.meaning]),
    ),
    "## Frames from the client",
    ...frames(clientFrameSchema.members),
    "## Frames from the server",
    ...frames(serverFrameSchema.members),
    "## Parts of frames",
    ...parts(),
  ].join("\n\n");
}

interface Described {
  readonly describe: SchemaDescription;
}

function frames(members: Readonly<Record<string, Described>>): string[] {
  return Object.entries(members).flatMap(([name, member]) => [
    `### ${code(name)}`,
    fieldTable(member.describe),
  ]);
}

/** The objects inside frames, each once, under the name that its schema has. */
function parts(): string[] {
  const found = new Map<string, SchemaDescription>();
  const visit = (description: SchemaDescription): void => {
    for (const inner of [...Object.values(description.fields ?? {}), ...(description.parts ?? [])]) {
      if (inner.fields !== undefined && !found.has(inner.kind)) found.set(inner.kind, inner);
      visit(inner);
    }
  };
  for (const schema of [clientFrameSchema, serverFrameSchema]) {
    for (const member of Object.values(schema.members) as Described[]) visit(member.describe);
  }
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, description]) => [`### ${name}`, fieldTable(description)]);
}

function fieldTable(description: SchemaDescription): string {
  const rows = Object.entries(description.fields ?? {}).map(([name, field]) => [
    code(name),
    form(field),
    field.optional === true ? "optional" : "",
    field.note ?? "",
  ]);
  return table(["Field", "Form", "", "Note"], rows);
}

/** A union is named by its members, which have tables of their own. */
function form({ kind, parts, fields }: SchemaDescription): string {
  const isUnion = fields === undefined && parts?.every((part) => part.fields !== undefined) === true;
  return isUnion && !kind.startsWith("array") ? parts.map((part) => part.kind).join(" | ") : kind;
}
