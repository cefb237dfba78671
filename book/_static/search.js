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

  /* What stands in the text for each word that was asked for: the word, or else its stem. */
  function sought(plain) {
    const asks = splitQuery(asked).map(simple).filter((word) => word.length > 1 && !stopwords.includes(word));
    const stemmer = new Stemmer();
    return asks
      .map((word) => [word, stemmer.stemWord(word)].find((form) => plain.includes(form)))
      .filter(Boolean)
      .map((form) => ({ form, whole: asks.includes(form) }));
  }

  function excerpt(page, anchor) {
    const whole = page.querySelector("article") || page.body;
    const named = anchor && page.getElementById(decodeURIComponent(anchor.slice(1)));
    /* A word of the glossary stands before what it means. */
    const part = named && named.tagName === "DT" ? named.nextElementSibling : named;
    whole.querySelectorAll(".headerlink, script, style, nav").forEach((each) => each.remove());
    let best = null;
    [part || whole, whole].forEach(function (place, turn) {
      [place, ...place.querySelectorAll("p, li, dt, dd, figcaption, td, h1, h2, h3, h4, pre")].forEach(function (each) {
        if (each.querySelector && each.querySelector("p, section, ul")) return;
        const text = each.textContent.replace(/\s+/g, " ").trim();
        const found = sought(simple(text)).map(({ whole }) => (whole ? 10 : 6));
        const signs = (text.match(/\\/g) || []).length;
        /* Code is shown where no sentence has the words. */
        const kind = each.closest(".highlight") ? -5 : text.length > 60 ? 2 : 0;
        const score = found.reduce((sum, each) => sum + each, kind) - Math.min(signs, 20) / 5 - 20 * turn;
        if (found.length > 0 && (!best || score > best.score)) best = { score, text };
      });
    });
    const first = Array.from(whole.querySelectorAll("p")).find((each) => each.textContent.length > 60);
    return spoken(best ? best.text : first ? first.textContent : "");
  }

  /* The part of a long sentence that has most of the words. */
  function around(text) {
    const plain = simple(text);
    const forms = sought(plain).map(({ form }) => form);
    const places = forms.map((form) => plain.indexOf(form)).sort((a, b) => a - b);
    const shown = (from) => forms.filter((form) => plain.slice(from, from + (2 * ROOM) / 3).includes(form)).length;
    const at = places.reduce((best, place) => (shown(place) > shown(best) ? place : best), places[0] || 0);
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

  Search.makeSearchSummary = function (data, _, anchor) {
    const found = excerpt(new DOMParser().parseFromString(data, "text/html"), anchor);
    const summary = document.createElement("p");
    summary.className = "context";
    summary.textContent = around(found);
    return summary;
  };
})();
