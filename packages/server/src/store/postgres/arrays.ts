/** Columns of values as PostgreSQL reads arrays (8.15.6, Array Input and Output Syntax): one parameter each, for `unnest`. */

export function numberArray(values: Iterable<number | null>): string {
  let text = "{";
  let separator = "";
  for (const value of values) {
    text += separator + (value === null ? "NULL" : String(value));
    separator = ",";
  }
  return `${text}}`;
}

export function textArray(values: Iterable<string | null>): string {
  let text = "{";
  let separator = "";
  for (const value of values) {
    text += separator + (value === null ? "NULL" : `"${value.replace(/[\\"]/g, "\\$&")}"`);
    separator = ",";
  }
  return `${text}}`;
}
