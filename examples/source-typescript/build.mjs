// Builds the plugin into one executable, bin/NAME: Node.js itself with the program in it. The sandbox runs no scripts.
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { inject } from "postject";

const { bin } = JSON.parse(readFileSync("package.json", "utf8"));
mkdirSync("build", { recursive: true });
mkdirSync("bin", { recursive: true });
await build({ entryPoints: ["src/main.ts"], bundle: true, platform: "node", target: "node20", preserveSymlinks: true, outfile: "build/main.js", logLevel: "warning" });
writeFileSync("build/sea.json", JSON.stringify({ main: "build/main.js", output: "build/main.blob", disableExperimentalSEAWarning: true }));
execFileSync(process.execPath, ["--experimental-sea-config", "build/sea.json"], { stdio: ["ignore", "ignore", "inherit"] });
copyFileSync(process.execPath, bin);
chmodSync(bin, 0o755);
const said = console.log; // postject tells what it does
console.log = () => {};
await inject(bin, "NODE_SEA_BLOB", readFileSync("build/main.blob"), {
  sentinelFuse: "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2",
  ...(process.platform === "darwin" ? { machoSegmentName: "NODE_SEA" } : {}),
});
console.log = said;
