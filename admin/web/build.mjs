// node build.mjs SOURCE OUTPUT.cpp: bundles the page and writes it as a C++ source, compressed, each asset under a name that holds
// its hash. Runs in the folder where the packages are installed.
import { createHash } from "node:crypto";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const [source, output] = process.argv.slice(2);
const esbuild = createRequire(join(process.cwd(), "package.json"))("esbuild");

// Beside the packages, so that these are found, by esbuild and by the type check.
rmSync("src", { recursive: true, force: true });
cpSync(join(source, "src"), "src", { recursive: true });
cpSync(join(source, "tsconfig.json"), "tsconfig.json");

const bundle = esbuild.buildSync({
  entryPoints: { page: "src/main.tsx" },
  bundle: true,
  minify: true,
  write: false,
  outdir: "out",
  format: "esm",
  target: ["es2022", "firefox115", "safari16"],
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "inline",
  logLevel: "warning",
});

const TYPES = { js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml" };
const hash = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);
const files = [];
const names = {};

function asset(name, bytes) {
  const [stem, ending] = name.split(".");
  const path = `/assets/${stem}-${hash(bytes)}.${ending}`;
  names[name] = path;
  files.push({ path, type: TYPES[ending], tag: hash(bytes), gzip: true, bytes: gzipSync(bytes, { level: 9 }) });
}

for (const file of bundle.outputFiles) asset(file.path.split("/").pop(), Buffer.from(file.contents));
asset("icon.svg", readFileSync("src/icon.svg"));

const html = readFileSync(join(source, "index.html"), "utf8").replace(/\{\{(\S+)\}\}/g, (_, name) => {
  if (!names[name]) throw new Error(`index.html names ${name}, which is not built`);
  return names[name];
});
// Small, and read by whoever asks for / without a browser: not compressed.
files.unshift({ path: "/", type: "text/html; charset=utf-8", tag: hash(html), gzip: false, bytes: Buffer.from(html) });

const text = (value) => JSON.stringify(value);
const entries = files.map((file, i) =>
  `    {${text(file.path)}, ${text(file.type)}, ${text(`"${file.tag}"`)}, bytes(kFile${i}), ${file.gzip}},`);
const arrays = files.map((file, i) => `constexpr unsigned char kFile${i}[] = {${[...file.bytes].join(",")}};`);
writeFileSync(output, `// Made from admin/web.
#include "admin/page.hpp"

namespace usher::admin {

namespace {

${arrays.join("\n")}

template <std::size_t size>
std::string_view bytes(const unsigned char (&array)[size]) {
  return {reinterpret_cast<const char*>(array), size};
}

}  // namespace

std::span<const PageFile> page_files() {
  static const PageFile kFiles[] = {
${entries.join("\n")}
  };
  return kFiles;
}

}  // namespace usher::admin
`);
