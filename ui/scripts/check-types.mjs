// The committed types against docs/openapi.json: they are generated, never edited.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const folder = mkdtempSync(path.join(tmpdir(), "ui-types-"));
const fresh = path.join(folder, "schema.d.ts");
try {
  execFileSync(
    process.execPath,
    [
      "node_modules/openapi-typescript/bin/cli.js",
      "../docs/openapi.json",
      "--default-non-nullable=false",
      "--output",
      fresh,
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  if (readFileSync(fresh, "utf8") !== readFileSync("src/lib/api/schema.d.ts", "utf8")) {
    console.error(
      "src/lib/api/schema.d.ts is not what docs/openapi.json says: run `npm run types` and commit it",
    );
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
