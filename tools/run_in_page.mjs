/* Cells in the Python of a page, run by Node.js: `tools/run_in_page.py` calls this with the folder of
   Pyodide, the book's Python, and one JSON line per page on the standard input. */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [folder, archive] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide.mjs`));
const manifest = JSON.parse(readFileSync(`${folder}/manifest.json`));

async function begin(home) {
  const python = await loadPyodide({ indexURL: folder, env: { HOME: "/home/pyodide" } });
  await python.loadPackage(manifest.packages, { messageCallback: () => {} });
  python.unpackArchive(new Uint8Array(readFileSync(archive)), "zip", { extractDir: "/home/pyodide/in-page" });
  python.globals.set("home", home);
  python.runPython("import sys; sys.path.insert(0, '/home/pyodide/in-page'); import in_page; in_page.begin(home)");
  return python.pyimport("in_page");
}

try {
  for await (const line of createInterface({ input: process.stdin })) {
    const { home, cells } = JSON.parse(line);
    const page = await begin(home);
    for (const source of cells) console.log(page.run(source));
  }
} catch (problem) {
  console.error(problem.message); // the engine in one line of source would come with it
  process.exit(1);
}
