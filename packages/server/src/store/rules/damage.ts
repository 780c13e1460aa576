/** The tables contradict each other: a defect of this program, or a file that was changed from outside. */
export class DamagedDatabaseError extends Error {
  override readonly name = "DamagedDatabaseError";
}
