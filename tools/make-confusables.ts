/**
 * Makes packages/server/src/domain/confusables-data.ts from Unicode's confusables.txt (UTS #39; ICU's source carries
 * it too): `bun tools/make-confusables.ts path/to/confusables.txt`. Run it when Bun moves to a newer Unicode.
 */
import { fileURLToPath } from "node:url";

const LINE = /^([0-9A-F]+) ;\t([0-9A-F ]+) ;/;
const TARGET = fileURLToPath(new URL("../packages/server/src/domain/confusables-data.ts", import.meta.url));
const LINE_WIDTH = 200;

const LICENCE = `UNICODE LICENSE V3. Copyright © 2016-2025 Unicode, Inc.
NOTICE TO USER: Carefully read the following legal agreement. BY DOWNLOADING, INSTALLING, COPYING OR OTHERWISE USING
DATA FILES, AND/OR SOFTWARE, YOU UNEQUIVOCALLY ACCEPT, AND AGREE TO BE BOUND BY, ALL OF THE TERMS AND CONDITIONS OF
THIS AGREEMENT. IF YOU DO NOT AGREE, DO NOT DOWNLOAD, INSTALL, COPY, DISTRIBUTE OR USE THE DATA FILES OR SOFTWARE.
Permission is hereby granted, free of charge, to any person obtaining a copy of data files and any associated
documentation (the "Data Files") or software and any associated documentation (the "Software") to deal in the Data
Files or Software without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, and/or sell copies of the Data Files or Software, and to permit persons to whom the Data Files or Software
are furnished to do so, provided that either (a) this copyright and permission notice appear with all copies of the
Data Files or Software, or (b) this copyright and permission notice appear in associated Documentation.
THE DATA FILES AND SOFTWARE ARE PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT
LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT OF THIRD PARTY
RIGHTS. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR HOLDERS INCLUDED IN THIS NOTICE BE LIABLE FOR ANY CLAIM, OR ANY
SPECIAL INDIRECT OR CONSEQUENTIAL DAMAGES, OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS,
WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR
PERFORMANCE OF THE DATA FILES OR SOFTWARE.
Except as contained in this notice, the name of a copyright holder shall not be used in advertising or otherwise to
promote the sale, use or other dealings in these Data Files or Software without prior written authorization of the
copyright holder. SPDX-License-Identifier: Unicode-3.0`;

function fromHex(codePoints: string): string {
  const parsed = codePoints.split(" ").map((code) => Number.parseInt(code, 16));
  return String.fromCodePoint(...parsed);
}

function toHex(text: string): string {
  return Array.from(text, (character) => (character.codePointAt(0) ?? 0).toString(16)).join("+");
}

/** `look<source,source`: what the look-alikes are taken for, and those that look like it, in hexadecimal. */
function readGroups(table: string): string[] {
  const sources = new Map<string, string[]>();
  for (const line of table.split("\n")) {
    const [, from, to] = LINE.exec(line) ?? [];
    if (from === undefined || to === undefined) continue;
    const source = fromHex(from);
    // The skeleton is taken of decomposed text without ignorable characters, so these are never looked up.
    if (source.normalize("NFD") !== source || /\p{Default_Ignorable_Code_Point}/u.test(source)) continue;
    const look = toHex(fromHex(to).normalize("NFD"));
    sources.set(look, [...(sources.get(look) ?? []), toHex(source)]);
  }
  return Array.from(sources, ([look, from]) => `${look}<${from.join(",")}`);
}

function fill(words: readonly string[]): string {
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    if (line !== "" && line.length + word.length >= LINE_WIDTH) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line].join("\n");
}

const path = process.argv[2];
if (path === undefined) {
  console.error("usage: bun tools/make-confusables.ts path/to/confusables.txt");
  process.exit(2);
}
const table = await Bun.file(path).text();
const version = /^# Version: ([0-9.]+)/m.exec(table)?.[1];
const groups = readGroups(table);
if (version === undefined || groups.length === 0) {
  console.error(`${path} is not Unicode's confusables.txt`);
  process.exit(1);
}
const licence = LICENCE.split("\n")
  .map((line) => ` * ${line}`)
  .join("\n");
await Bun.write(
  TARGET,
  `/**
 * Made by tools/make-confusables.ts from Unicode's confusables.txt, version ${version} (UTS #39). Each word is
 * \`look<source,source\` in hexadecimal code points: what the sources are taken for, then the sources.
 *
${licence}
 */
export const confusablesData = \`${fill(groups)}\`;
`,
);
console.log(`${TARGET}: version ${version}, ${groups.length} groups`);
