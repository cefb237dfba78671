/* The ledger's filter, the citations of verdicts, and what the theme leaves out for people who listen. */
(function () {
  "use strict";

  /* The ledger: search, choose and sort; the address keeps what was asked for. Without this script all
     rows are simply shown. */
  function offerFilter() {
    const table = document.querySelector("table.ledger");
    if (!table) return;
    const rows = Array.from(table.tBodies[0].rows);
    const form = document.createElement("form");
    form.className = "ledger-filter";
    const asked = new URLSearchParams(window.location.search);
    function offer(name, words, field) {
      const label = document.createElement("label");
      field.name = name;
      label.append(words + " ", field);
      form.append(label);
      field.value = asked.get(name) || "";
      return field;
    }
    function choice(name, words, all) {
      const select = document.createElement("select");
      select.add(new Option(all, ""));
      new Set(rows.map((row) => row.dataset[name])).forEach((value) => select.add(new Option(value, value)));
      return offer(name, words, select);
    }
    const search = document.createElement("input");
    search.type = "search";
    offer("words", "Search the claims", search);
    const choices = [
      choice("paper", "Show paper", "all"),
      choice("verdict", "Show verdict", "all"),
      choice("decided", "Decided by", "anything"),
    ];
    const order = document.createElement("select");
    [["", "the papers"], ["verdict", "verdict"], ["decided", "what decides"]].forEach(function (each) {
      order.add(new Option(each[1], each[0]));
    });
    offer("order", "Order of", order);
    const count = document.createElement("p");
    count.setAttribute("role", "status");
    const again = document.createElement("button");
    again.type = "button";
    again.textContent = "Show all claims";
    again.addEventListener("click", function () {
      Array.from(form.elements).forEach((field) => (field.value = ""));
      show();
      search.focus();
    });
    form.append(count, again);
    function show() {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      rows.forEach(function (row) {
        const text = (row.id + " " + row.dataset.quote + " " + row.textContent).toLowerCase();
        row.hidden = choices.some((select) => select.value && row.dataset[select.name] !== select.value) ||
          words.some((word) => !text.includes(word));
      });
      const key = order.value;
      const sorted = key ? [...rows].sort((a, b) => a.dataset[key].localeCompare(b.dataset[key])) : rows;
      table.tBodies[0].append(...sorted);
      const hits = rows.filter((row) => !row.hidden).length;
      count.textContent = hits
        ? hits + " of " + rows.length + " claims shown"
        : "None of the " + rows.length + " claims is both chosen and found.";
      again.hidden = hits > 0;
      const kept = new URLSearchParams([...new FormData(form)].filter((each) => each[1]));
      const query = kept.size ? "?" + kept : window.location.pathname;
      window.history.replaceState(null, "", query + window.location.hash);
    }
    form.addEventListener("input", show);
    form.addEventListener("submit", (event) => event.preventDefault());
    show();
    (table.closest(".cell") || table).before(form);
  }

  /* A verdict: copy what a reader needs to cite it and to compute it again. */
  function offerCitations() {
    document.querySelectorAll("aside.verdict").forEach(function (box) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Copy citation";
      button.addEventListener("click", function () {
        const name = box.id.replace("claim-", "");
        const root = new URL(document.documentElement.dataset.content_root || ".", window.location);
        const address = new URL("claims/" + name + ".html", root).href;
        const text = box.dataset.quote + "\n" + document.title + ", entry " + name + ". " + address +
          "\npython -m qbook verdict " + name;
        navigator.clipboard.writeText(text).then(
          () => (button.textContent = "Copied"),
          () => (button.textContent = "Not allowed by the browser")
        );
      });
      box.querySelector(".verdict-again").append(" ", button);
    });
  }

  /* One button folds all code of a chapter, for those who read; the browser remembers it. */
  function offerFolding() {
    const title = document.querySelector("article h1");
    if (!title || !document.querySelector(".cell_input")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "fold-code";
    function fold(folded) {
      document.documentElement.classList.toggle("code-folded", folded);
      button.textContent = folded ? "Show the code" : "Fold all code";
      window.localStorage.setItem("fold-code", folded ? "yes" : "no");
    }
    button.addEventListener("click", function () {
      fold(!document.documentElement.classList.contains("code-folded"));
    });
    fold(window.localStorage.getItem("fold-code") === "yes");
    title.after(button);
  }

  /* An element wider than the page scrolls inside itself: it says on which side there is more, to those who
     see by a fade and to those who listen by its name, and takes the keyboard. */
  const BOXES = [["table", "Table"], ["pre", "Code"], [".output.text_html", "Output"], ["div.math, div.math > mjx-container", "Formula"]];

  function markBoxes() {
    const found = [];
    BOXES.forEach(function (kind) {
      document.querySelectorAll(".bd-article :is(" + kind[0] + ")").forEach(function (box) {
        found.push({ box, name: kind[1], wide: box.scrollWidth > box.clientWidth + 2 });
      });
    });
    found.forEach(function ({ box, name, wide }) {
      if (wide) markBox(box, name);
      else if (box.dataset.more !== undefined) {
        delete box.dataset.more;
        ["tabindex", "role", "aria-label"].forEach((attribute) => box.removeAttribute(attribute));
      }
    });
  }

  function markBox(box, name) {
    function sides() {
      const last = box.scrollWidth - box.clientWidth;
      const more = [box.scrollLeft > 1 && "left", box.scrollLeft < last - 1 && "right"];
      box.dataset.more = more.filter(Boolean).join(" ");
    }
    if (box.dataset.more === undefined) {
      box.addEventListener("scroll", sides, { passive: true });
      box.tabIndex = 0;
      /* A table stays one. */
      if (name !== "Table") box.setAttribute("role", "group");
      box.setAttribute("aria-label", name + ", scrolls sideways");
    }
    sides();
  }

  /* Whenever something gets another size: the window, a formula that is set, a solution that is opened. */
  function mindBoxes() {
    const article = document.querySelector(".bd-article");
    if (!article) return;
    let soon = 0;
    new ResizeObserver(function () {
      soon = soon || setTimeout(function () {
        soon = 0;
        markBoxes();
      }, 100);
    }).observe(article);
  }

  /* A picture that is shown smaller than it is has a link to itself below. */
  function offerFullSize() {
    document.querySelectorAll(".bd-article figure:not(.explorer-frame) img").forEach(function (picture) {
      const caption = picture.closest("figure").querySelector("figcaption p");
      if (!caption || picture.closest("a")) return;
      const link = document.createElement("a");
      link.className = "full-size";
      link.href = picture.src;
      link.textContent = "Full size";
      caption.append(" ", link);
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

  /* On paper nothing can be opened: hints and solutions are printed, and closed again. */
  function openOnPaper() {
    let opened = [];
    window.addEventListener("beforeprint", function () {
      opened = Array.from(document.querySelectorAll(".bd-article details:not([open])"));
      opened.forEach((each) => (each.open = true));
    });
    window.addEventListener("afterprint", function () {
      opened.forEach((each) => (each.open = false));
    });
  }

  window.addEventListener("load", mindBoxes);
  document.addEventListener("DOMContentLoaded", function () {
    offerFilter();
    offerCitations();
    offerFolding();
    offerFullSize();
    openOnPaper();
    mindPanels();
    /* The theme names these by a label that differs from their own words, which serve better. */
    document.querySelectorAll("summary[aria-label], .search-button-field[aria-label]").forEach(function (element) {
      element.removeAttribute("aria-label");
    });
    /* Sphinx calls the bibliography a list, and its entries something else. */
    document.querySelectorAll(".citation-list").forEach(function (list) {
      list.removeAttribute("role");
    });
  });
})();
