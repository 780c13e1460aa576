/** Calls of the C library for what the runtime offers no way to. */
import { dlopen, type FFIFunction, type Library } from "bun:ffi";

/** Its usual name first, then that of musl (Alpine). */
const names = ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`] as const;

/** Throws where there is none of these: on another system than Linux. */
export function openLibrary<Functions extends Record<string, FFIFunction>>(
  functions: Functions,
): Library<Functions> {
  const [usual, other] = names;
  try {
    return dlopen(usual, functions);
  } catch {
    return dlopen(other, functions);
  }
}
