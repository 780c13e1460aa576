/** Many connections at once, opened some at a time, so that neither the listen queue nor a time limit is passed. */
const OPEN_AT_ONCE = 50;

export async function openMany<T>(count: number, open: (index: number) => Promise<T>): Promise<T[]> {
  const opened: T[] = [];
  let next = 0;
  const openSome = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) opened[index] = await open(index);
  };
  await Promise.all(Array.from({ length: Math.min(count, OPEN_AT_ONCE) }, openSome));
  return opened;
}
