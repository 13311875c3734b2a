
"use strict";
(() => {
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const objects = [...document.querySelectorAll(".object")];
  const search = byId("search"), found = byId("found"), help = byId("help");
  const MOST_MARKS = 5000;
  let wasOpen = null, marks = [], here = -1;

  const shown = () => objects.filter((object) => !object.hidden);
  const current = () => objects.find((object) => object.contains(document.activeElement));

  function go(step) {
    const list = shown(), at = list.indexOf(current());
    const next = list[at < 0 ? (step > 0 ? 0 : list.length - 1) : Math.min(Math.max(at + step, 0), list.length - 1)];
    if (!next) return;
    next.querySelector("summary").focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  function toggle() {
    const object = current() || shown()[0];
    if (!object) return;
    object.open = !object.open;
    object.querySelector("summary").focus();
  }

  function turn() {
    const side = root.dataset.view !== "side";
    root.dataset.view = side ? "side" : "unified";
    byId("view").textContent = side ? "Unified" : "Side by side";
  }

  function paint() {
    const themes = ["system", "light", "dark"];
    root.dataset.theme = themes[(themes.indexOf(root.dataset.theme) + 1) % themes.length];
    byId("theme").textContent = "Colours: " + root.dataset.theme;
  }

  function fold() {
    const open = !shown().every((object) => object.open);
    for (const object of shown()) object.open = open;
    label();
  }

  function label() {
    byId("fold").textContent = shown().every((object) => object.open) ? "Close all" : "Open all";
  }

  // An object's text in lower case, each cell or line of it apart, and where its text nodes begin in it.
  const indexes = new Map();
  function indexOf(object) {
    if (indexes.has(object)) return indexes.get(object);
    const walker = document.createTreeWalker(object, NodeFilter.SHOW_TEXT);
    const nodes = [], starts = [];
    let text = "", cell = null;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const around = node.parentElement.closest("td, th, p, summary, .old, .new, .hunk");
      if (!around || around.matches(".same > .old")) continue;
      if (around !== cell) { text += "\n"; cell = around; }
      nodes.push(node);
      starts.push(text.length);
      const lower = node.data.toLowerCase();
      text += lower.length === node.data.length ? lower : node.data;
    }
    const index = { text, nodes, starts };
    indexes.set(object, index);
    return index;
  }

  function point(index, at) {
    let low = 0, high = index.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (index.starts[middle] <= at) low = middle; else high = middle - 1;
    }
    return [index.nodes[low], Math.min(at - index.starts[low], index.nodes[low].length)];
  }

  function mark(object, words) {
    const index = indexOf(object);
    for (let at = index.text.indexOf(words); at >= 0 && marks.length < MOST_MARKS; at = index.text.indexOf(words, at + words.length)) {
      const range = new Range();
      range.setStart(...point(index, at));
      const [node, offset] = point(index, at + words.length - 1);
      range.setEnd(node, offset + 1);
      marks.push(range);
    }
  }

  function find() {
    const words = search.value.toLowerCase();
    wasOpen = wasOpen || objects.map((object) => object.open);
    marks = [];
    here = -1;
    let number = 0;
    objects.forEach((object, place) => {
      const hit = !words || indexOf(object).text.includes(words);
      object.hidden = !hit;
      object.open = words ? hit : wasOpen[place];
      if (words && hit) { number += 1; mark(object, words); }
    });
    if (!words) wasOpen = null;
    const places = marks.length === 1 ? "1 place" : marks.length + (marks.length < MOST_MARKS ? "" : " or more") + " places";
    found.textContent = words ? places + " in " + number + " of " + objects.length : "";
    light();
    label();
  }

  function light() {
    if (!CSS.highlights) return;
    CSS.highlights.set("found", new Highlight(...marks));
    CSS.highlights.set("here", new Highlight(...(marks[here] ? [marks[here]] : [])));
  }

  function jump(step) {
    if (!marks.length) return;
    here = (here + step + marks.length) % marks.length;
    light();
    marks[here].startContainer.parentElement.scrollIntoView({ block: "center" });
  }

  function leave() {
    if (search.value) { search.value = ""; find(); }
    search.blur();
  }

  const keys = {
    j: () => go(1), k: () => go(-1), o: toggle, u: turn, n: () => jump(1), p: () => jump(-1),
    "/": () => search.focus(), "?": () => help.showModal(), Escape: leave,
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.target === search) {
      if (event.key === "Escape") { event.preventDefault(); leave(); }
      if (event.key === "Enter") { event.preventDefault(); jump(event.shiftKey ? -1 : 1); }
      return;
    }
    // On a summary or a button Enter does what it always does.
    const act = event.key === "Enter" && document.activeElement === document.body ? toggle : keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  search.addEventListener("input", find);
  byId("view").addEventListener("click", turn);
  byId("theme").addEventListener("click", paint);
  byId("fold").addEventListener("click", fold);
  byId("keys").addEventListener("click", () => help.showModal());
  let before = null;
  addEventListener("beforeprint", () => { before = objects.map((object) => object.open); for (const object of objects) object.open = true; });
  addEventListener("afterprint", () => { objects.forEach((object, place) => { object.open = before[place]; }); });
  document.querySelector(".tools").hidden = false;
  label();
})();
