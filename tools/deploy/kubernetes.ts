/**
 * Objects of Kubernetes against its API, without a cluster: each is written down as a constant of the type that its
 * apiVersion and kind name, so that the compiler finds unknown, missing and mistyped fields.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { runCommand } from "./programs.ts";
import { put, type Stage } from "./stage.ts";

interface KubernetesObject {
  readonly apiVersion?: unknown;
  readonly kind?: unknown;
}

const require = createRequire(import.meta.url);

export async function checkObjects(stage: Stage, path: string): Promise<string> {
  return await checkTypes(stage, readFileSync(join(stage.deploy, path), "utf8"));
}

/** What comes out is looked at too: what is put together of patches and generators stands in no file. */
export async function checkKustomization(stage: Stage, path: string): Promise<string> {
  const { programs, deploy, scratch } = stage;
  const words = ["kustomize", join(deploy, dirname(path))];
  const { code, output, errors } = await programs.run("kubectl", words, { directory: scratch });
  return code === 0 ? await checkTypes(stage, output) : errors.trim();
}

async function checkTypes(stage: Stage, text: string): Promise<string> {
  const parsed = Bun.YAML.parse(text) as KubernetesObject | readonly KubernetesObject[];
  const objects = Array.isArray(parsed) ? parsed : [parsed as KubernetesObject];
  const program = objects.map(toSource).join("\n");
  put(stage, "objects.ts", program);
  const types = dirname(require.resolve("kubernetes-types/package.json"));
  const compilerOptions = {
    strict: true,
    noEmit: true,
    module: "preserve",
    moduleResolution: "bundler",
    lib: ["esnext"],
    types: [],
    skipLibCheck: true,
    paths: { "kubernetes-types/*": [join(types, "*")] },
  };
  put(stage, "tsconfig.json", JSON.stringify({ compilerOptions, files: ["objects.ts"] }));
  const compiler = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
  const { code, output, errors } = await runCommand([process.execPath, compiler, "-p", "."], {
    directory: stage.scratch,
  });
  if (code === 0) return "";
  const found = [...output.matchAll(/error TS\d+: (.*)/g)].map(([, problem]) => problem);
  return found.length > 0 ? found.join("\n") : `${output}${errors}`;
}

/** `apps/v1` is the module apps/v1, `networking.k8s.io/v1` networking/v1, and `v1` core/v1. */
function toSource(object: KubernetesObject, index: number): string {
  const { apiVersion, kind } = object;
  const [, group = "core", version] =
    /^(?:([a-z]+)[a-z0-9.]*\/)?(v\d[a-z0-9]*)$/.exec(String(apiVersion)) ?? [];
  if (version === undefined || !/^[A-Za-z]+$/.test(String(kind)))
    return `const object${index}: "an object with apiVersion and kind" = ${JSON.stringify(`${apiVersion} ${kind}`)};`;
  return `import type { ${kind} as Type${index} } from "kubernetes-types/${group}/${version}";
export const object${index}: Type${index} = ${JSON.stringify(object, undefined, 2)};`;
}
