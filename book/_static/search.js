/* The excerpt below a result. Sphinx looks for the stem of a word in the text, where it may not stand, and then
   shows the first lines of the page: here it is a sentence of the page that holds what was asked for. */
(function () {
  "use strict";
  const ROOM = 240;
  const asked = new URLSearchParams(window.location.search).get("q") || "";

  function simple(text) {
    return text.replace(/[{}]/g, "").toLowerCase();
  }

  /* TeX as far as a line of text shows it. */
  function spoken(text) {
    return text
      .replace(/\\[()[\],;! ]|\\(?:left|right|big|Big|bigl|bigr|q?quad|mathrm|mathcal|text|rm)(?![a-z])/g, " ")
      .replace(/\^\{([^{}]*)\}/g, "^$1")
      .replace(/_\{([^{}]*)\}/g, "_$1")
      .replace(/[{}]/g, "")
      .replace(/\\([A-Za-z]+)/g, "$1 ")
      .replace(/\s+/g, " ")
      .replace(/ ([.,;:])/g, "$1")
      .trim();
  }

  function excerpt(page, stems, anchor) {
    const whole = page.querySelector("article") || page.body;
    const named = anchor && page.getElementById(decodeURIComponent(anchor.slice(1)));
    /* A word of the glossary stands before what it means. */
    const part = named && named.tagName === "DT" ? named.nextElementSibling : named;
    const words = splitQuery(asked).map(simple);
    let best = null;
    [part || whole, whole].forEach(function (place, turn) {
      place.querySelectorAll(".headerlink, script, style, .highlight, nav").forEach((each) => each.remove());
      [place, ...place.querySelectorAll("p, li, dt, dd, figcaption, td, h1, h2, h3, h4")].forEach(function (each) {
        if (each.querySelector && each.querySelector("p, section, ul")) return;
        const text = each.textContent.replace(/\s+/g, " ").trim();
        const plain = simple(text);
        const hits = words.filter((word) => plain.includes(word)).length;
        const near = [...stems].filter((stem) => plain.includes(stem)).length;
        const signs = (text.match(/\\/g) || []).length;
        const score = 10 * hits + 4 * near + (text.length > 60 ? 2 : 0) - Math.min(signs, 20) / 5 - 20 * turn;
        if (hits + near > 0 && (!best || score > best.score)) best = { score, text };
      });
    });
    const first = Array.from(whole.querySelectorAll("p")).find((each) => each.textContent.length > 60);
    return spoken(best ? best.text : first ? first.textContent : "");
  }

  function around(text) {
    const plain = simple(text);
    const at = splitQuery(asked).map((word) => plain.indexOf(simple(word))).filter((each) => each >= 0).sort((a, b) => a - b)[0] || 0;
    let from = Math.max(0, at - ROOM / 3);
    if (from > 0) from = text.indexOf(" ", from) + 1;
    let to = Math.min(text.length, from + ROOM);
    if (to < text.length) to = Math.max(text.lastIndexOf(" ", to), from + 1);
    return (from > 0 ? "… " : "") + text.slice(from, to) + (to < text.length ? " …" : "");
  }

  /* Of pages that hold the words equally, chapters come before lists. */
  const RANK = { "book/papers": 3, "book/foundations": 2, "book/reference/glossary": 2, "book/start": 1 };
  Scorer.score = function (result) {
    const kind = Object.keys(RANK).find((start) => result[0].startsWith(start));
    return result[4] + (RANK[kind] || 0);
  };

  Search.makeSearchSummary = function (data, stems, anchor) {
    const found = excerpt(new DOMParser().parseFromString(data, "text/html"), stems, anchor);
    const summary = document.createElement("p");
    summary.className = "context";
    summary.textContent = around(found);
    return summary;
  };
})();
