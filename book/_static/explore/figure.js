/* The figure: a list box of rows with dots and intervals. Only rows in sight are in the page, so
   that 5,000 are as quick as 50; every row tells its own name and numbers to who listens. */
"use strict";

(function (explore) {
  const { element, scale, grid, axis, point, marker, BADGES } = explore.draw;
  const { words } = explore.model;
  const NARROW = 560; // pixels of width below which a label stands above its dots
  const MORE = 6; // rows drawn beyond each edge

  function node(name, className, text) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  }

  function badge(provenance) {
    return node("span", "rv-badge rv-" + provenance, provenance);
  }

  function told(row, series) {
    const parts = row.points.map(function (one, s) {
      if (!one) return "";
      const who = series.length > 1 && !one.who ? explore.model.short(series[s].name) + " " : "";
      return who + words(one) + (series[s].provenance === "simulated" ? ", simulated" : "");
    });
    return row.label + (row.pivot ? ", the pivot" : "") + ": " + parts.filter(Boolean).join("; ");
  }

  /** Build into `box`; `choose` is called with the key of a row that somebody opens. */
  explore.figure = function (box, choose) {
    const legend = node("ul", "ex-legend");
    const title = node("p", "ex-title");
    const label = node("p", "ex-xlabel");
    const head = node("div", "ex-head");
    const scroll = node("div", "ex-scroll");
    const space = node("div", "ex-space");
    const mark = element("svg", { class: "ex-watermark", viewBox: "0 0 600 300",
      "aria-hidden": "true" }, element("text", { x: 300, y: 175, "text-anchor": "middle",
      transform: "rotate(-18 300 150)" }, "simulated"));
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "listbox");
    scroll.setAttribute("aria-describedby", "ex-keys");
    scroll.append(space);
    const frame = node("div", "ex-frame");
    frame.append(head, scroll, mark);
    box.append(title, legend, label, frame);

    let made = null;
    let active = 0;
    let narrow = false;
    let height = 26;
    let x = null;
    const drawn = new Map(); // row number to its element

    function rowElement(r) {
      const row = made.rows[r];
      const item = node("div", "ex-row");
      item.id = "ex-row-" + r;
      item.setAttribute("role", "option");
      item.setAttribute("aria-label", told(row, made.series));
      item.setAttribute("aria-setsize", made.rows.length);
      item.setAttribute("aria-posinset", r + 1);
      item.setAttribute("aria-selected", String(row.key === made.state.item));
      item.style.transform = `translateY(${r * height}px)`;
      item.style.height = height + "px";
      const name = node("span", "ex-label" + (row.pivot ? " ex-pivot" : ""), row.label);
      name.title = row.label;
      const plotHeight = height - (narrow ? 20 : 0);
      const plot = element("svg", { class: "ex-plot", width: x.width, height: plotHeight,
        "aria-hidden": "true" }, ...grid(made, x, plotHeight));
      let missing = "";
      row.points.forEach(function (one, s) {
        if (!one) return;
        if (one.missing) missing = missing || one.missing;
        plot.append(...point(one, s, made.series[s].provenance, x,
          narrow && made.series.length === 1 ? 9 : 12 + 14 * s * (made.stacked ? 1 : 0)));
      });
      if (missing && row.points.every((one) => !one || one.value === null)) {
        plot.append(element("text", { x: 8, y: Math.min(plotHeight - 4, 17), class: "ex-missing" },
          missing));
      }
      item.append(name, plot);
      if (r === active) item.classList.add("ex-active");
      return item;
    }

    function paint() {
      if (!made) return;
      const first = Math.max(0, Math.floor(scroll.scrollTop / height) - MORE);
      const last = Math.min(
        made.rows.length, Math.ceil((scroll.scrollTop + scroll.clientHeight) / height) + MORE
      );
      for (const [r, item] of drawn) {
        // The active row stays: a screen reader is told of it by its id.
        if ((r < first || r >= last) && r !== active) {
          item.remove();
          drawn.delete(r);
        }
      }
      for (let r = first; r < last; r++) {
        if (!drawn.has(r)) {
          const item = rowElement(r);
          drawn.set(r, item);
          space.append(item);
        }
      }
    }

    function layout() {
      if (!made) return;
      const width = box.clientWidth;
      if (!width) return;
      narrow = width < NARROW;
      box.classList.toggle("ex-narrow", narrow);
      const lines = made.stacked ? made.series.length : 1;
      height = 14 * lines + (narrow ? 26 : 12);
      space.style.height = made.rows.length * height + "px";
      scroll.style.height = Math.min(made.rows.length * height, narrow ? 480 : 560) + "px";
      const inner = scroll.clientWidth;
      x = scale(made, Math.max(120, narrow ? inner - 8 : Math.round(inner * 0.58)), 12);
      head.replaceChildren(element("svg", { class: "ex-axis", width: x.width, height: 18,
        "aria-hidden": "true" }, ...axis(x)));
      head.style.paddingRight = scroll.offsetWidth - inner + "px";
      for (const item of drawn.values()) item.remove();
      drawn.clear();
      paint();
    }

    function move(to) {
      if (!made || !made.rows.length) return;
      const before = drawn.get(active);
      if (before) before.classList.remove("ex-active");
      active = Math.max(0, Math.min(made.rows.length - 1, to));
      const [top, bottom] = [active * height, (active + 1) * height];
      if (top < scroll.scrollTop) scroll.scrollTop = top;
      else if (bottom > scroll.scrollTop + scroll.clientHeight) {
        scroll.scrollTop = bottom - scroll.clientHeight;
      }
      paint();
      const now = drawn.get(active);
      if (now) now.classList.add("ex-active");
      scroll.setAttribute("aria-activedescendant", "ex-row-" + active);
    }

    scroll.addEventListener("scroll", paint, { passive: true });
    scroll.addEventListener("focus", function () {
      if (made && made.rows.length) scroll.setAttribute("aria-activedescendant", "ex-row-" + active);
    });
    scroll.addEventListener("keydown", function (event) {
      const page = Math.max(1, Math.floor(scroll.clientHeight / height) - 1);
      const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
      if (event.key in steps) move(active + steps[event.key]);
      else if (event.key === "Home") move(0);
      else if (event.key === "End") move(made.rows.length - 1);
      else if (event.key === "Enter" || event.key === " ") choose(made.rows[active].key);
      else return;
      event.preventDefault();
    });
    space.addEventListener("click", function (event) {
      const item = event.target.closest(".ex-row");
      if (!item) return;
      move(Number(item.id.slice("ex-row-".length)));
      choose(made.rows[active].key);
    });
    let widthBefore = 0;
    new ResizeObserver(function () {
      if (box.clientWidth === widthBefore) return;
      widthBefore = box.clientWidth;
      layout();
    }).observe(box);

    function legendOf() {
      legend.replaceChildren(
        ...made.series.map(function (one, s) {
          const item = node("li", one.used ? "" : "ex-absent");
          item.hidden = !one.used && made.state.view === "findings";
          const swatch = element("svg", { width: 18, height: 16, "aria-hidden": "true" },
            marker(s, one.provenance, 9, 8));
          item.append(swatch, node("span", "", one.cell || made.state.view === "options"
            ? one.name : BADGES[one.provenance][0]), badge(one.provenance));
          one.notes.forEach((note) => item.append(node("span", "ex-note", note + ".")));
          return item;
        })
      );
    }

    return {
      show: function (next) {
        made = next;
        made.stacked = made.state.view === "options" && made.series.length > 1;
        title.textContent = made.title;
        label.hidden = !made.rows.length;
        label.textContent = made.xlabel + (made.bars ? ". Bars are 95 % intervals."
          : made.drawn ? ". No intervals: the source has none." : ".");
        const opened = made.rows.findIndex((row) => row.key === made.state.item);
        active = Math.max(0, opened);
        scroll.setAttribute("aria-label", made.title + ": " + made.xlabel);
        scroll.removeAttribute("aria-activedescendant");
        const simulated = made.series.some((one) => one.used && one.provenance === "simulated");
        mark.toggleAttribute("hidden", !simulated);
        frame.hidden = !made.rows.length;
        legendOf();
        scroll.scrollTop = 0;
        layout();
        if (opened > 0) move(opened);
      },
      /** Only another row is open: nothing else is drawn again. */
      open: function (key) {
        if (!made) return;
        made.state.item = key;
        for (const [r, item] of drawn) {
          item.setAttribute("aria-selected", String(made.rows[r].key === key));
        }
      },
      focus: () => scroll.focus(),
    };
  };
  explore.parts = { node, badge };
})(window.revealedExplore);
