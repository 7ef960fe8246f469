// The first screen's script, compressed, against its budget: what index.html loads, and what that imports at once.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET_BYTES = 300_000;
const manifest = JSON.parse(readFileSync("dist/.vite/manifest.json", "utf8"));
const seen = new Set();

function visit(key) {
  if (seen.has(key)) return;
  seen.add(key);
  (manifest[key].imports ?? []).forEach(visit);
}
visit("index.html");

const files = [...seen].map((key) => manifest[key].file).filter((file) => file.endsWith(".js"));
const bytes = files.reduce((sum, file) => sum + gzipSync(readFileSync(`dist/${file}`)).length, 0);
console.log(
  `first screen: ${(bytes / 1000).toFixed(0)} kB of compressed script in ${files.length} files (budget ${BUDGET_BYTES / 1000} kB)`,
);
process.exit(bytes > BUDGET_BYTES ? 1 : 0);
