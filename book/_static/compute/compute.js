/* Buttons that let the page compute. Their actions are in session.js, and Python in the worker: both are fetched
   at the first click, and nothing before. */
(function () {
  "use strict";

  const script = document.currentScript;
  const folder = new URL("./", script.src).href;
  const page = { folder, name: script.dataset.page, megabytes: script.dataset.megabytes };
  let session = null;

  function act(event) {
    const button = event.currentTarget;
    session = session || import(folder + "session.js").then((module) => module.begin(page));
    session
      .then((found) => found[button.dataset.does](button.closest(".computes"), button))
      .catch(function (problem) {
        session = null; // the next click tries again
        const said = document.createElement("p");
        said.setAttribute("role", "alert");
        said.textContent = `The page cannot compute: ${problem.message}`;
        button.after(said);
      });
  }

  function button(words, does, spoken) {
    const made = document.createElement("button");
    made.type = "button";
    made.dataset.does = does;
    made.textContent = words;
    if (spoken) made.setAttribute("aria-label", `${words}: ${spoken}`);
    made.addEventListener("click", act);
    return made;
  }

  /* A cell that needs what a page has not: where it runs instead. */
  function elsewhere(cell) {
    const said = document.createElement("p");
    said.className = "compute-not";
    const lacks = /lacks-(\w+)/.exec(cell.className)[1].replace("qutip", "QuTiP");
    const needs = lacks === "above" ? "results of cells above that do not run in a page" : `${lacks}, which does not run in a page`;
    said.append(`This cell needs ${needs}. `);
    const ways = [
      [document.querySelector('a[href*="mybinder.org"]')?.href, "Run it on Binder"],
      [document.querySelector('a.download[href$=".ipynb"]')?.href, "Download the chapter"],
      [new URL("../../book/start/running.html", folder).href, "How to run it"],
    ];
    ways.filter(([address]) => address).forEach(([address, words], at) => {
      const link = document.createElement("a");
      link.href = address;
      link.textContent = words;
      said.append(at ? ", " : "", link);
    });
    said.append(".");
    return said;
  }

  function offer(cell, number) {
    const code = cell.querySelector(".cell_input");
    const not = cell.classList.contains("computes-not");
    if (code) {
      const tools = document.createElement("div");
      tools.className = "compute-tools";
      tools.setAttribute("role", "group");
      tools.setAttribute("aria-label", `Code ${number}`);
      if (not) tools.append(elsewhere(cell));
      else tools.append(button("Run", "run"), button("Run all above", "above"), button("Edit", "edit"));
      code.after(tools);
    }
    if (not) return;
    cell.querySelectorAll("aside.verdict").forEach(function (box) {
      const name = box.id.replace("claim-", "");
      box.querySelector(".verdict-again").append(" ", button("Compute it again here", "above", name));
    });
    if (cell.classList.contains("computes-figure")) {
      const live = button(`Compute this figure here (${page.megabytes} MB, once)`, "figure");
      live.className = "compute-live";
      (cell.querySelector(".cell_output") || cell).append(live);
    }
  }

  document.addEventListener("DOMContentLoaded", function () {
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = folder + "compute.css";
    document.head.append(style);
    document.querySelectorAll(".computes").forEach((cell, at) => offer(cell, at + 1));
  });
})();
