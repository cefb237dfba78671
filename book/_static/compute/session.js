/* The actions of the buttons of compute.js: start Python, run and edit cells, draw the figures that their readers move. */

const ENGINE = "book-python"; // what the worker keeps for the next visit

function make(kind, words, name) {
  const made = document.createElement(kind);
  if (words) made.textContent = words;
  if (name) made.className = name;
  if (kind === "button") made.type = "button";
  return made;
}

function picture(png) {
  return `data:image/png;base64,${png}`;
}

class Stopped extends Error {}

/* The bar at the foot of the window: what goes on, how far it is, and a way to end it. */
class Bar {
  constructor(page, stop) {
    this.page = page;
    this.box = make("section", "", "compute-bar");
    this.box.setAttribute("aria-label", "Python in this page");
    this.said = make("p");
    this.said.setAttribute("role", "status");
    this.progress = make("progress");
    this.progress.setAttribute("aria-label", "Download");
    this.progress.hidden = true;
    this.stopping = make("button", "Stop");
    this.stopping.hidden = true;
    this.stopping.addEventListener("click", stop);
    this.about = make("details");
    this.about.hidden = true;
    this.box.append(this.said, this.progress, this.stopping, this.about);
    document.body.append(this.box);
    this.quarter = -1;
  }

  say(words, { busy = false } = {}) {
    this.said.textContent = words;
    this.stopping.hidden = !busy;
    this.progress.hidden = true;
  }

  /* Each quarter is spoken; what is drawn moves all the time. */
  downloaded(done, total) {
    this.progress.hidden = false;
    this.progress.max = total;
    this.progress.value = done;
    const quarter = Math.floor((4 * done) / total);
    if (quarter === this.quarter) return;
    this.quarter = quarter;
    this.said.textContent = `Python comes: ${25 * quarter} % of ${this.page.megabytes} MB`;
  }

  tell({ versions, printed }) {
    const named = (found) => Object.entries(found).map(([name, number]) => `${name} ${number}`).join(", ");
    const { Pyodide, Python, numpy, scipy, matplotlib } = versions;
    const licences = make("a", "Licences");
    licences.href = new URL("../vendor/pyodide/licences.txt", this.page.folder).href;
    this.about.replaceChildren(
      make("summary", "Versions that compute"),
      `Computed in this page by ${named({ Python, numpy, scipy, matplotlib })}, in Pyodide ${Pyodide}. All that is ` +
        `printed on it was computed when the site was built, by ${named(printed)}. `,
      licences
    );
    this.about.hidden = false;
  }

  /* A question with the size of what is to come; nothing is fetched before the answer. */
  confirm() {
    return new Promise((resolve) => {
      const before = document.activeElement;
      this.say("Cells run in this page once Python is here.");
      const yes = make("button", `Fetch Python (${this.page.megabytes} MB, once)`, "compute-yes");
      const no = make("button", "Not now");
      const answer = (found) => {
        yes.remove();
        no.remove();
        if (!found) this.say("");
        before?.focus();
        resolve(found);
      };
      yes.addEventListener("click", () => answer(true));
      no.addEventListener("click", () => answer(false));
      this.box.addEventListener("keydown", (event) => {
        if (event.key === "Escape" && no.isConnected) answer(false);
      });
      this.said.after(yes, no);
      yes.focus();
    });
  }
}

class Session {
  constructor(page) {
    this.page = page;
    this.bar = new Bar(page, () => this.stop());
    this.worker = null;
    this.asked = new Map();
    this.number = 0;
    this.ran = new Set(); // names of the cells that Python has run as they stand
    this.edited = new Map();
    this.explorers = [];
    this.turn = Promise.resolve();
    this.waiting = 0;
    this.boxes = new Map([...document.querySelectorAll(".computes")].map((box) => [box.id.replace("code-", ""), box]));
  }

  async load() {
    const answer = await fetch(`${this.page.folder}cells/${this.page.name}.json`);
    if (!answer.ok) throw new Error("The site has no code for this page.");
    this.cells = await answer.json();
    return this;
  }

  /* Python: one worker, started once. */
  async python(agreed) {
    if (this.started) return this.started;
    const known = "caches" in window && (await caches.has(ENGINE));
    if (!agreed && !known && !(await this.bar.confirm())) throw new Stopped();
    if (!this.started) this.started = this.start();
    return this.started;
  }

  async start() {
    this.bar.say("Python comes", { busy: true });
    this.worker = new Worker(this.page.folder + "worker.js");
    this.worker.onmessage = ({ data }) => this.heard(data);
    this.worker.onerror = (event) => this.broken(event.message || "the worker could not be loaded");
    const home = this.page.name.replace(/^book\//, "").replace(/\/?[^/]*$/, "");
    const found = await this.ask({ kind: "start", home });
    this.bar.tell(found);
    document.documentElement.dataset.python = "ready";
    document.querySelectorAll(".compute-live").forEach((button) => (button.textContent = "Compute this figure here"));
  }

  ask(message) {
    return new Promise((resolve, reject) => {
      this.number += 1;
      this.asked.set(this.number, { resolve, reject });
      this.worker.postMessage({ ...message, number: this.number });
    });
  }

  heard(data) {
    if (data.kind === "progress") return this.bar.downloaded(data.done, data.total);
    if (data.kind === "phase") return this.bar.say(data.words, { busy: true });
    const { resolve, reject } = this.asked.get(data.number);
    this.asked.delete(data.number);
    return data.kind === "failed" ? reject(new Error(data.words)) : resolve(data.result);
  }

  broken(words) {
    this.end(new Error(words));
  }

  stop() {
    this.end(new Stopped());
    this.bar.say("Stopped. Python has forgotten what the cells computed; the next run begins again.");
  }

  /* The worker ends, and with it all that Python knew. */
  end(problem) {
    this.worker?.terminate();
    this.worker = null;
    this.started = null;
    this.ran.clear();
    delete document.documentElement.dataset.python;
    this.explorers.splice(0).forEach((explorer) => explorer.end());
    const waiting = [...this.asked.values()];
    this.asked.clear();
    waiting.forEach(({ reject }) => reject(problem));
  }

  /* One thing after the other; what fails says so. */
  queue(work, agreed) {
    this.turn = this.turn.then(async () => {
      try {
        await this.python(agreed);
        await work();
      } catch (problem) {
        if (problem instanceof Stopped) return;
        this.end(problem);
        this.bar.say(`Python in this page failed: ${problem.message}`);
      }
    });
    return this.turn;
  }

  name(box) {
    return box.id.replace("code-", "");
  }

  source(cell) {
    return this.edited.get(cell.id) ?? cell.source;
  }

  /* A cell that changed makes old all that stands below it. */
  changed(name) {
    const at = this.cells.findIndex((cell) => cell.id === name);
    this.cells.slice(at).forEach((cell) => this.ran.delete(cell.id));
  }

  run(box) {
    return this.queue(() => this.several([this.cells.find((cell) => cell.id === this.name(box))]));
  }

  above(box, _button, agreed) {
    return this.queue(async () => {
      const name = this.name(box);
      const at = this.cells.findIndex((cell) => cell.id === name);
      const old = this.cells.slice(0, at).filter((cell) => !this.ran.has(cell.id));
      await this.several([...old, this.cells[at]]);
    }, agreed);
  }

  figure(box, button) {
    button.disabled = true;
    return this.above(box, button, true).then(() => (button.disabled = false));
  }

  async several(cells) {
    const left = cells.filter((cell) => cell.cannot);
    const able = cells.filter((cell) => !cell.cannot);
    for (const [at, cell] of able.entries()) {
      this.bar.say(`Cell ${at + 1} of ${able.length} runs`, { busy: true });
      const box = this.boxes.get(cell.id);
      box?.setAttribute("aria-busy", "true");
      try {
        const result = await this.ask({ kind: "run", source: this.source(cell) });
        this.changed(cell.id);
        if (box) this.show(cell, box, result);
        if (result.error) return this.bar.say(this.sorry(cell, result.error, box));
        this.ran.add(cell.id);
      } finally {
        box?.removeAttribute("aria-busy");
      }
    }
    const [many, were] = left.length === 1 ? ["1 that needs", "was"] : [`${left.length} that need`, "were"];
    const without = left.length ? `; ${many} QuTiP ${were} left out` : "";
    return this.bar.say(`Done: ${able.length} ${able.length === 1 ? "cell" : "cells"} computed in this page${without}.`);
  }

  sorry(cell, error, box) {
    box?.scrollIntoView({ block: "nearest" });
    const at = error.line ? ` in line ${error.line}` : "";
    return `A cell ended with ${error.kind}${at}.`;
  }

  /* The new output of a cell takes the place of the printed one, which can be put back. */
  show(cell, box, { outputs, error }) {
    const shown = make("div", "", "cell_output computed");
    const printed = this.printed(box);
    const focused = document.activeElement;
    this.restore(box, printed);
    const figures = [...printed.querySelectorAll("figure:not(.explorer-frame), img")].filter(
      (each) => each.tagName === "FIGURE" || !each.closest("figure")
    );
    const old = [...printed.querySelectorAll("aside.verdict")];
    for (const output of outputs) {
      if (output.text !== undefined) shown.append(this.text(output.text));
      else if (output.html !== undefined) shown.append(this.html(output.html, old.shift()));
      else if (output.png) shown.append(this.image(output.png, figures.shift(), box));
      else if (output.explorer !== undefined) shown.append(this.sliders(output));
    }
    if (error) shown.append(this.error(error));
    else this.note(shown, outputs);
    printed.hidden = true;
    printed.after(shown);
    this.offerBack(cell, box);
    window.MathJax?.typesetPromise?.([shown]);
    /* The element with the focus moved with a verdict, or went with a printed figure. */
    if (box.contains(focused) && document.activeElement !== focused) {
      if (focused.checkVisibility()) focused.focus({ preventScroll: true });
      else shown.querySelector("input")?.focus({ preventScroll: true });
    }
  }

  /* The printed output as it was: its names and buttons come back from what was computed. */
  restore(box, printed) {
    const computed = box.querySelector(".computed");
    const buttons = computed?.querySelectorAll(".verdict-again button") || [];
    printed.querySelector(".verdict-again")?.append(...buttons);
    computed?.remove();
    printed.querySelectorAll("[data-id]").forEach((each) => {
      each.id = each.dataset.id;
      delete each.dataset.id;
    });
    printed.hidden = false;
  }

  /* Printed output, or where it would be. */
  printed(box) {
    let found = box.querySelector(".cell_output:not(.computed)");
    if (!found) {
      found = make("div", "", "cell_output");
      box.append(found);
    }
    return found;
  }

  text(words) {
    const block = make("pre", words, "compute-text");
    block.tabIndex = 0;
    return block;
  }

  html(words, old) {
    const block = make("div");
    block.innerHTML = words;
    const buttons = old?.querySelectorAll(".verdict-again button") || [];
    block.querySelector(".verdict-again")?.append(" ", ...buttons);
    block.querySelectorAll("table").forEach((table) => (table.tabIndex = 0));
    return block;
  }

  image(png, printed, box) {
    const block = printed ? printed.cloneNode(true) : make("img");
    const image = block.tagName === "IMG" ? block : block.querySelector("img");
    if (!printed) image.alt = "Figure that this cell drew";
    if (this.edited.has(this.name(box))) image.alt = `Changed: ${image.alt}`;
    if (printed?.id) {
      printed.dataset.id = printed.id; // links to the figure lead to what is seen
      printed.removeAttribute("id");
    }
    image.src = picture(png);
    image.removeAttribute("width");
    image.removeAttribute("height");
    return block;
  }

  error({ kind, words, line, trace, undefined: name, needs }) {
    const block = make("div", "", "compute-error");
    block.setAttribute("role", "alert");
    block.append(make("p", `${kind}${line ? `, line ${line}` : ""}: ${words}`));
    if (name) block.append(make("p", `No cell has made ${name} yet: try “Run all above”.`));
    else if (kind === "ClaimError") block.append(make("p", "The number no longer agrees with the ledger."));
    else if (needs) block.append(make("p", `${needs} does not run in this page.`));
    const more = make("details");
    more.append(make("summary", "Where it happened"), this.text(trace));
    block.append(more);
    return block;
  }

  note(shown, outputs) {
    const verdict = shown.querySelector("aside.verdict");
    const words = verdict
      ? "Computed again in this page: within the tolerances of the ledger."
      : outputs.length
        ? "Computed in this page."
        : "Run in this page; it shows nothing.";
    shown.append(make("p", words, "compute-note"));
  }

  /* Editing: a plain text field, which Tab leaves as any other. */
  edit(box) {
    const cell = this.cells.find((each) => each.id === this.name(box));
    const code = box.querySelector(".cell_input");
    let field = code.querySelector("textarea");
    if (field) return field.focus();
    field = make("textarea", "", "compute-edit");
    field.value = this.source(cell);
    field.rows = field.value.split("\n").length + 1;
    field.spellcheck = false;
    field.autocapitalize = "off";
    field.setAttribute("aria-label", "Code of this cell; Control and Enter run it");
    field.addEventListener("input", () => {
      this.edited.set(cell.id, field.value);
      field.rows = field.value.split("\n").length + 1;
      this.changed(cell.id);
      this.offerBack(cell, box);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey || event.shiftKey)) return;
      event.preventDefault();
      this.run(box);
    });
    code.querySelectorAll(":scope > *").forEach((each) => (each.hidden = true));
    code.append(field);
    return field.focus();
  }

  offerBack(cell, box) {
    const tools = box.querySelector(".compute-tools");
    if (!tools || tools.querySelector(".compute-back")) return;
    const back = make("button", "Put back", "compute-back");
    back.addEventListener("click", () => {
      this.edited.delete(cell.id);
      this.changed(cell.id);
      box.querySelector(".cell_input textarea")?.remove();
      box.querySelectorAll(".cell_input > *").forEach((each) => (each.hidden = false));
      this.restore(box, this.printed(box));
      back.remove();
      tools.querySelector("button").focus();
      this.bar.say("The cell is as it was printed.");
    });
    tools.append(back);
  }

  sliders({ explorer, sliders, frame }) {
    const made = new Explorer(this, explorer, sliders, frame);
    this.explorers.push(made);
    return made.box;
  }
}

/* A figure with sliders of the browser itself; only the newest of their places is computed. */
class Explorer {
  constructor(session, number, sliders, frame) {
    this.session = session;
    this.number = number;
    this.places = {};
    this.busy = this.late = false;
    this.box = make("div", "", "explorer-computed");
    sliders.forEach((slider) => this.box.append(this.slider(slider)));
    this.figure = make("figure", "", "explorer-frame");
    this.image = make("img");
    this.caption = make("figcaption");
    this.caption.setAttribute("role", "status");
    this.figure.append(this.image, this.caption);
    this.box.append(this.figure);
    this.draw(frame);
  }

  slider({ name, label, stops, start }) {
    const row = make("label", "", "compute-slider");
    const input = make("input");
    const value = make("output", stops[start]);
    Object.assign(input, { type: "range", min: 0, max: stops.length - 1, step: 1, value: start });
    input.setAttribute("aria-valuetext", stops[start]);
    this.places[name] = start;
    input.addEventListener("input", () => {
      this.places[name] = Number(input.value);
      value.textContent = stops[input.value];
      input.setAttribute("aria-valuetext", stops[input.value]);
      this.redraw();
    });
    row.append(make("span", label), input, value);
    return row;
  }

  async redraw() {
    if (this.busy) {
      this.late = true;
      return;
    }
    this.busy = true;
    this.box.setAttribute("aria-busy", "true");
    try {
      do {
        this.late = false;
        const { frame, error } = await this.session.ask({
          kind: "draw",
          explorer: this.number,
          places: { ...this.places },
        });
        if (error) this.fail(error);
        else this.draw(frame);
      } while (this.late);
    } catch (problem) {
      if (!(problem instanceof Stopped)) this.fail({ kind: "Error", words: problem.message });
    } finally {
      this.busy = false;
      this.box.removeAttribute("aria-busy");
    }
  }

  draw({ png, says }) {
    this.image.src = picture(png);
    this.image.hidden = false;
    this.image.alt = this.caption.textContent = says;
    this.caption.setAttribute("role", "status");
  }

  /* The old picture would belong to other values. */
  fail({ kind, words }) {
    this.image.hidden = true;
    this.caption.setAttribute("role", "alert");
    this.caption.textContent = `${kind}: ${words}`;
  }

  /* Python has forgotten the figure: its printed frame comes back, with the button. */
  end() {
    const box = this.box.closest(".computes");
    if (box) this.session.restore(box, this.session.printed(box));
  }
}

export function begin(page) {
  return new Session(page).load();
}
