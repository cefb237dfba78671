/* What the widget player leaves out: a slider's name and value for people who listen (its own
   aria-valuetext is the index of the value), and a way to today's MathJax. */
(function () {
  "use strict";

  function speak(slider) {
    const handle = slider.querySelector(".noUi-handle");
    const label = slider.querySelector(".widget-label");
    const readout = slider.querySelector(".widget-readout");
    if (!handle || !label || !readout) return;
    const words = readout.textContent.trim();
    if (handle.getAttribute("aria-label") !== label.textContent) {
      handle.setAttribute("aria-label", label.textContent);
    }
    if (handle.getAttribute("aria-valuetext") !== words) {
      handle.setAttribute("aria-valuetext", words);
    }
  }

  function speakAll() {
    document.querySelectorAll(".widget-slider").forEach(speak);
  }

  /* The widget player asks for the queue of MathJax 2 whenever a text changes; the site has MathJax 3. */
  function offerQueue() {
    if (!window.MathJax || window.MathJax.Hub) return;
    window.MathJax.Hub = {
      Queue: function (command) {
        if (window.MathJax.typesetPromise) window.MathJax.typesetPromise([command[2]]);
      },
    };
  }

  /* The ledger: choose a paper and a verdict. Without this script all rows are simply shown. */
  function offerFilter() {
    const rows = Array.from(document.querySelectorAll("table.ledger tbody tr"));
    if (!rows.length) return;
    const form = document.createElement("form");
    form.className = "ledger-filter";
    const count = document.createElement("p");
    count.setAttribute("role", "status");
    const choices = ["paper", "verdict"].map(function (name) {
      const label = document.createElement("label");
      const select = document.createElement("select");
      const values = new Set(rows.map((row) => row.dataset[name]));
      select.name = name;
      select.add(new Option("all", ""));
      values.forEach((value) => select.add(new Option(value, value)));
      label.append("Show " + name + " ", select);
      form.append(label);
      return select;
    });
    function filter() {
      rows.forEach(function (row) {
        row.hidden = choices.some((select) => select.value && row.dataset[select.name] !== select.value);
      });
      count.textContent = rows.filter((row) => !row.hidden).length + " of " + rows.length + " claims shown";
    }
    form.append(count);
    form.addEventListener("change", filter);
    filter();
    const first = document.querySelector("article section section") || document.querySelector("table.ledger");
    first.before(form);
  }

  /* A table wider than the page scrolls: by keyboard, too. */
  function reachTables() {
    document.querySelectorAll(".bd-article table").forEach(function (table) {
      if (table.scrollWidth > table.clientWidth) table.tabIndex = 0;
    });
  }

  /* The theme takes the focus off the button of a panel, where it belongs once the panel is closed; and
     it leaves the panel open over the place on the page that a reader has chosen in it. */
  function mindPanels() {
    ["primary", "secondary"].forEach(function (side) {
      const panel = document.getElementById("pst-" + side + "-sidebar-modal");
      const button = document.querySelector("." + side + "-toggle");
      if (!panel || !button) return;
      panel.addEventListener("click", function (event) {
        if (event.target.closest('a[href^="#"]')) panel.close("a place on this page");
      });
      panel.addEventListener("close", function () {
        if (!panel.returnValue) button.focus();
        panel.returnValue = "";
      });
    });
  }

  window.addEventListener("load", reachTables);
  document.addEventListener("DOMContentLoaded", function () {
    offerQueue();
    offerFilter();
    mindPanels();
    /* The theme names these by a label that differs from their own words, which serve better. */
    document.querySelectorAll("summary[aria-label], .search-button-field[aria-label]").forEach(function (element) {
      element.removeAttribute("aria-label");
    });
    /* Sphinx calls the bibliography a list, and its entries something else. */
    document.querySelectorAll(".citation-list").forEach(function (list) {
      list.removeAttribute("role");
    });
    if (!document.querySelector('script[type="application/vnd.jupyter.widget-view+json"]')) return;
    new MutationObserver(speakAll).observe(document.querySelector("main") || document.body, {
      attributeFilter: ["aria-valuetext"],
      characterData: true,
      childList: true,
      subtree: true,
    });
  });
})();
