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

  offerQueue();
  window.addEventListener("load", offerQueue);
  document.addEventListener("DOMContentLoaded", function () {
    offerQueue();
    /* The theme names these by a label that differs from their own words, which serve better. */
    document.querySelectorAll("summary[aria-label], .search-button-field[aria-label]").forEach(function (element) {
      element.removeAttribute("aria-label");
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
