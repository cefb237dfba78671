/* Sliders of the figures. A frame is a picture that comes when a slider asks for it; the address keeps
   the values, so that it can be shared. Without this script a figure shows its first frame. */
(function () {
  "use strict";

  function make(tag, properties, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  /* A choice between two values, or between words: a switch. */
  function choice(slider, name, moved) {
    const buttons = slider.texts.map(function (text, index) {
      const input = make("input", { type: "radio", name, checked: index === slider.start });
      input.addEventListener("change", () => moved(index, true));
      return make("label", {}, input, make("span", { textContent: text }));
    });
    const set = make("fieldset", { className: "explorer-choice" },
      make("legend", { textContent: slider.label }), ...buttons);
    return { element: set, put: (index) => (buttons[index].firstChild.checked = true) };
  }

  /* A track on which the values lie evenly, however uneven they are. */
  function track(slider, name, moved) {
    const shown = make("span", { className: "explorer-value" });
    const input = make("input", { type: "range", id: name, min: 0, max: slider.texts.length - 1, step: 1 });
    function put(index) {
      input.value = index;
      shown.textContent = slider.texts[index];
      input.setAttribute("aria-valuetext", slider.texts[index]);
    }
    function move(last) {
      put(Number(input.value));
      moved(Number(input.value), last);
    }
    input.addEventListener("input", () => move(false));
    input.addEventListener("change", () => move(true));
    const ticks = make("div", { className: "explorer-ticks" });
    ticks.setAttribute("aria-hidden", "true");
    const crowded = slider.texts.join("").length > 34;
    if (slider.texts.length < 20) {
      ticks.append(...slider.texts.map((text, index) => make("span", { textContent:
        crowded && index > 0 && index < slider.texts.length - 1 ? "" : text })));
    }
    put(slider.start);
    const label = make("label", { textContent: slider.label, htmlFor: name });
    return { element: make("div", { className: "explorer-slider" }, label, shown, input, ticks), put };
  }

  /* Give a figure its sliders. `frameAt` is told their places and promises the frame there: the address
     of its picture, its sentence, its alternative text, and a number of its axes. */
  function start(box, frameAt) {
    const sliders = JSON.parse(box.dataset.sliders);
    const at = sliders.map((slider) => slider.start);
    const image = box.querySelector("img");
    const words = box.querySelector("figcaption");
    const shadow = make("img", { className: "explorer-shadow", alt: "" });
    shadow.setAttribute("aria-hidden", "true");
    const picture = make("div", { className: "explorer-picture" });
    image.replaceWith(picture);
    picture.append(image);
    let axes = null;
    let asked = 0;

    async function show() {
      const mine = (asked += 1);
      const [source, sentence, alt, newAxes] = await frameAt(at);
      const next = make("img", { src: source });
      await next.decode().catch(() => {}); // the place of a picture that does not come is told by its words
      if (mine !== asked) return;
      shadow.src = image.src;
      picture.append(shadow);
      shadow.hidden = newAxes !== axes || image.src === next.src;
      axes = newAxes;
      Object.assign(image, { src: source, alt });
      words.textContent = sentence;
    }

    const link = new URL(window.location);
    function keep() {
      link.search = new URLSearchParams(sliders.map((slider, k) => [slider.name, slider.texts[at[k]]]));
      link.hash = box.id;
      window.history.replaceState(null, "", link);
    }

    const controls = sliders.map(function (slider, k) {
      function moved(index, last) {
        if (at[k] !== index) {
          at[k] = index;
          show();
        }
        if (last) keep();
      }
      const words = slider.values.some((value) => typeof value === "string");
      return (slider.texts.length === 2 || words ? choice : track)(slider, `${box.id}-${slider.name}`, moved);
    });
    const copy = make("button", { type: "button", className: "explorer-link", textContent: "Copy link" });
    copy.addEventListener("click", function () {
      keep();
      navigator.clipboard.writeText(link.href).then(
        () => (copy.textContent = "Copied"),
        () => (copy.textContent = "The address of this page is the link")
      );
    });
    box.querySelector(".explorer-sliders").replaceChildren(...controls.map((control) => control.element));
    box.append(copy);

    frameAt(at).then((frame) => (axes = frame[3]));
    if (window.location.hash === "#" + box.id) {
      const wanted = new URLSearchParams(window.location.search);
      sliders.forEach(function (slider, k) {
        const index = slider.texts.indexOf(wanted.get(slider.name));
        if (index < 0) return;
        at[k] = index;
        controls[k].put(index);
      });
      show();
    }
  }

  /* The frames of a figure in the order of its values, of which the last slider moves fastest. */
  function ready(box) {
    const sliders = JSON.parse(box.dataset.sliders);
    const frames = JSON.parse(box.querySelector("script").textContent);
    return async function (at) {
      const index = at.reduce((sum, each, k) => sum * sliders[k].texts.length + each, 0);
      const [file, ...words] = frames[index];
      return [box.dataset.frames + file, ...words];
    };
  }

  /* A verdict that turns: the table of its numbers becomes a slider, a line with the band in which the
     claim holds, and the verdict in words. */
  function turn(box) {
    const rows = Array.from(box.querySelectorAll("tbody tr"));
    const [low, high] = box.dataset.band.split(" ").map(Number);
    const name = box.querySelector("thead th:nth-child(2)").childNodes;
    const band = make("div", { className: "turn-band" });
    band.style.left = low + "%";
    band.style.width = high - low + "%";
    const mark = make("div", { className: "turn-mark" });
    const line = make("div", { className: "turn-line" }, band, mark);
    line.setAttribute("aria-hidden", "true");
    const word = make("strong");
    const number = make("span");
    const said = make("p", {}, word, ": ", ...name, " ", number);
    said.setAttribute("role", "status");
    function show(index) {
      const [value, verdict] = rows[index].querySelectorAll("td");
      mark.style.left = rows[index].dataset.at + "%";
      word.className = "verdict-" + rows[index].dataset.verdict;
      word.textContent = verdict.textContent;
      number.replaceChildren(...value.cloneNode(true).childNodes);
    }
    const texts = rows.map((row) => row.querySelector("th").textContent);
    const slider = { texts, start: Number(box.dataset.start), label: box.dataset.over };
    const control = track(slider, box.closest("aside").id + "-turn", show);
    show(slider.start);
    const lead = make("p", { textContent: "Turn it. " }, ...box.querySelector("p").childNodes);
    const shown = make("div", { className: "turn explorer" }, lead, control.element, line, said);
    box.replaceWith(shown);
  }

  document.querySelectorAll("details.turn").forEach(turn);

  /* For session.js, which starts the figures that have no frames: `explorers.start(box, frameAt)`. */
  window.explorers = { start };
  document.querySelectorAll(".explorer[data-sliders]:not([data-live])").forEach((box) => start(box, ready(box)));
})();
