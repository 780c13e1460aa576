/** How much is kept: everything that the maps, sets and lists below an object hold, and those below them. */
export function heldBy(root: object): number {
  const seen = new Set<object>();
  const open: object[] = [root];
  let count = 0;
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    const items = itemsOf(value);
    count += items.length;
    for (const item of [...items, ...Object.values(value)])
      if (typeof item === "object" && item !== null) open.push(item);
  }
  return count;
}

function itemsOf(value: object): readonly unknown[] {
  if (value instanceof Map) return [...value.entries()].flat();
  return Array.isArray(value) || value instanceof Set ? [...value] : [];
}
