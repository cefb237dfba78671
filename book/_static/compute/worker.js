/* Python in a worker of the page. It fetches what tools/pyodide_assets.py laid into the site, each file once
   and by its hash, keeps it for the next page and visit, and runs cells one after the other. */
"use strict";

const ASSETS = new URL("../vendor/pyodide/", self.location).href;
const OWN = new URL("./", self.location).href;
const KEPT = "book-python";
const HOME = "/home/pyodide/in-page";
const ask = self.fetch.bind(self);
const files = new Map();
let cells = null;

function tell(message) {
  self.postMessage(message);
}

async function list(address) {
  const answer = await ask(address, { cache: "no-cache" });
  if (!answer.ok) throw new Error(`The site has no ${address}.`);
  return answer.json();
}

function base64(hex) {
  return btoa(hex.match(/../g).map((byte) => String.fromCharCode(parseInt(byte, 16))).join(""));
}

/* One file: from what this browser keeps, else from the site, which is believed by the hash only. */
async function file(address, sha256, kept, arrived) {
  const name = `${address}?sha256=${sha256}`;
  const known = kept && (await kept.match(name));
  const answer = known || (await ask(address, { integrity: `sha256-${base64(sha256)}` }));
  if (!answer.ok) throw new Error(`The site has no ${address}.`);
  const parts = [];
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    arrived(value.length);
  }
  const blob = new Blob(parts);
  if (kept && !known) {
    try {
      await kept.put(name, new Response(blob));
    } catch (full) {
      /* No room: then it is fetched again next time. */
      console.info(full);
    }
  }
  return { name, blob };
}

async function all(manifest, about) {
  const kept = self.caches ? await caches.open(KEPT) : null;
  const wanted = Object.keys(manifest.sizes).map((name) => [ASSETS + name, manifest.sha256[name]]);
  wanted.push([OWN + "python.zip", about.python]);
  const total = manifest.bytes + about.bytes;
  let done = 0;
  const arrived = (bytes) => {
    done += bytes;
    tell({ kind: "progress", done, total });
  };
  const names = new Set();
  await Promise.all(
    wanted.map(async ([address, sha256]) => {
      const { name, blob } = await file(address, sha256, kept, arrived);
      names.add(name);
      files.set(address, blob);
    })
  );
  /* Of what an older site left, nothing stays. */
  for (const request of kept ? await kept.keys() : []) {
    if (!names.has(request.url)) await kept.delete(request);
  }
}

function unzipped(name) {
  const stream = files.get(`${ASSETS}${name}.zipped`).stream().pipeThrough(new DecompressionStream("gzip"));
  const type = name.endsWith(".wasm") ? "application/wasm" : "text/javascript";
  return new Response(stream, { headers: { "Content-Type": type } });
}

/* What Pyodide asks for is here already. */
self.fetch = function (request, options) {
  const address = typeof request === "string" ? request : request.url || request.href;
  if (files.has(address)) return Promise.resolve(new Response(files.get(address)));
  if (files.has(`${address}.zipped`)) return Promise.resolve(unzipped(address.slice(ASSETS.length)));
  return ask(request, options);
};

function include(blob) {
  const address = URL.createObjectURL(blob);
  importScripts(address);
  URL.revokeObjectURL(address);
}

async function start(home) {
  const [manifest, about] = await Promise.all([list(ASSETS + "manifest.json"), list(OWN + "about.json")]);
  await all(manifest, about);
  tell({ kind: "phase", words: "Python starts" });
  include(files.get(ASSETS + "pyodide.js"));
  include(await unzipped("pyodide.asm.js").blob());
  const python = await loadPyodide({
    indexURL: ASSETS,
    lockFileURL: ASSETS + "pyodide-lock.json",
    env: { HOME: "/home/pyodide" },
  });
  await python.loadPackage(manifest.packages, { messageCallback: () => {} });
  python.unpackArchive(await files.get(OWN + "python.zip").arrayBuffer(), "zip", { extractDir: HOME });
  files.clear();
  tell({ kind: "phase", words: "numpy, scipy and matplotlib load" });
  python.globals.set("home", home);
  python.runPython(`import sys; sys.path.insert(0, "${HOME}"); import in_page; in_page.begin(home)`);
  cells = python.pyimport("in_page");
  return { versions: manifest.versions, printed: about.printed };
}

const does = {
  start: (asked) => start(asked.home),
  run: (asked) => JSON.parse(cells.run(asked.source)),
  draw: (asked) => JSON.parse(cells.draw(asked.explorer, JSON.stringify(asked.places))),
};

self.onmessage = async function ({ data }) {
  try {
    tell({ kind: "answer", number: data.number, result: await does[data.kind](data) });
  } catch (problem) {
    tell({ kind: "failed", number: data.number, words: String(problem.message || problem) });
  }
};
