// Builds the page: `archdsl_explorer/page/` is what a browser loads, `archdsl_explorer/pyodide/` what runs Python in it.
import { build } from "esbuild";
import { cp, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "node_modules");
const out = join(here, "archdsl_explorer");
const page = join(out, "page");
const runtime = join(out, "pyodide");
const RUNTIME = ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json"];

await rm(page, { recursive: true, force: true });
await rm(runtime, { recursive: true, force: true });
await mkdir(page, { recursive: true });
await mkdir(runtime, { recursive: true });

const found = await build({
  absWorkingDir: here,
  entryPoints: { app: "src/main.js", worker: "src/worker.js", style: "src/style.css" },
  outdir: page,
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  metafile: true,
  legalComments: "none",
  loader: { ".woff2": "file" },
  assetNames: "fonts/[name]",
  external: ["./pyodide/pyodide.mjs"],
  logLevel: "warning",
});
await cp(join(here, "src/index.html"), join(page, "index.html"));
await cp(join(here, "src/icon.svg"), join(page, "icon.svg"));
for (const name of RUNTIME) await cp(join(modules, "pyodide", name), join(runtime, name));
await writeFile(join(page, "licences.txt"), await licences(found.metafile));

// The licences of all packages whose text is in the page.
async function licences(metafile) {
  const names = new Set(["pyodide"]);
  for (const path of Object.keys(metafile.inputs)) {
    const inside = path.split("node_modules/").pop();
    if (inside === path) continue;
    const parts = inside.split("/");
    names.add(parts[0].startsWith("@") ? parts.slice(0, 2).join("/") : parts[0]);
  }
  const texts = [];
  for (const name of [...names].sort()) {
    const folder = join(modules, name);
    const about = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).find((each) => /^licen[cs]e/i.test(each));
    const text = file ? await readFile(join(folder, file), "utf8") : `Licence: ${about.license}\n`;
    texts.push(`${name} ${about.version}\n\n${text.trim()}\n`);
  }
  return texts.join(`\n${"-".repeat(72)}\n\n`);
}
