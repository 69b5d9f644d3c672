/* Scales, ticks, marks, and a figure as a file. What a figure looks like is decided here. */
"use strict";

(function (explore) {
  const SVG = "http://www.w3.org/2000/svg";
  // In the figure of the file; on the page the same four come from explore.css, for both themes.
  const COLOURS = ["#0173b2", "#b35900", "#02735a", "#8f3f9f"];
  const BADGES = {
    elicited: ["elicited in this run", "#0b5d3b"],
    public: ["public answers of a real model", "#0b4f7d"],
    published: ["published figure", "#5b4a8a"],
    simulated: ["SIMULATED, no real model", "#b3261e"],
  };
  const MOST_ROWS = 200;

  function element(name, attributes, ...children) {
    const made = document.createElementNS(SVG, name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    made.append(...children);
    return made;
  }

  /** Least and greatest value that the axis must show. An interval far longer than the estimates
      lie apart runs off the edge: it would press all of them into one dot. */
  function extent(made) {
    const along = made.log ? Math.log : (x) => x;
    const back = made.log ? Math.exp : (x) => x;
    const seen = (values) =>
      values.filter((x) => x !== null && Number.isFinite(x) && !(made.log && x <= 0)).map(along);
    const points = made.rows.flatMap((row) => row.points.filter((one) => one && one.value !== null));
    const values = seen(points.map((one) => one.value));
    if (!values.length) return made.log ? [0.1, 10] : [0, 1];
    if (made.line !== null) values.push(along(made.line));
    const ends = seen(points.flatMap((one) => [one.low, one.high]));
    const least = (list, from) => list.reduce((x, y) => Math.min(x, y), from);
    const most = (list, from) => list.reduce((x, y) => Math.max(x, y), from);
    let [low, high] = [least(values, Infinity), most(values, -Infinity)];
    const room = high - low;
    const [first, last] = [least(ends, low), most(ends, high)];
    low = room > 0 ? Math.max(first, low - room) : first;
    high = room > 0 ? Math.min(last, high + room) : last;
    if (low === high) [low, high] = made.log ? [low - 1, high + 1] : [low - 0.5, high + 0.5];
    return [back(low), back(high)];
  }

  /** Round numbers within the extent. */
  function ticks(low, high, log, count) {
    if (log) {
      const first = Math.ceil(Math.log10(low) - 1e-9);
      const last = Math.floor(Math.log10(high) + 1e-9);
      const step = Math.max(1, Math.ceil((last - first + 1) / count));
      const found = [];
      for (let power = first; power <= last; power += step) found.push(10 ** power);
      if (found.length > 2) return found;
      return [low, Math.sqrt(low * high), high].map((value) => Number(value.toPrecision(1)));
    }
    const raw = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].find((factor) => factor * power >= raw) * power;
    const found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) {
      found.push(Number((k * step).toPrecision(12)));
    }
    return found;
  }

  function scale(made, width, pad) {
    const [low, high] = extent(made);
    const along = made.log ? Math.log : (x) => x;
    const [from, to] = [along(low), along(high)];
    const place = function (value) {
      if (made.log && value <= 0) return pad;
      const x = pad + ((along(value) - from) / (to - from)) * (width - 2 * pad);
      return Math.max(0, Math.min(width, x));
    };
    place.ticks = ticks(low, high, made.log, Math.max(2, Math.floor(width / 90)));
    place.width = width;
    return place;
  }

  const tickText = (value) =>
    (Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-3)
      ? value.toExponential(0).replace("e+", "e")
      : value.toLocaleString("en-US", { maximumFractionDigits: 6 })
    ).replace(/-/g, "\u2212");

  const SHAPES = [
    (x, y) => element("circle", { cx: x, cy: y, r: 4.5 }),
    (x, y) => element("rect", { x: x - 4, y: y - 4, width: 8, height: 8 }),
    (x, y) => element("path", { d: `M${x},${y - 5.5}l5.5,5.5l-5.5,5.5l-5.5,-5.5z` }),
    (x, y) => element("path", { d: `M${x},${y - 5}l5,9.5h-10z` }),
  ];

  function marker(s, provenance, x, y) {
    const made = SHAPES[s % SHAPES.length](x.toFixed(1), y.toFixed(1));
    made.setAttribute("class", `ex-dot ex-s${s}${provenance === "simulated" ? " ex-hollow" : ""}`);
    return made;
  }

  /** The marks of one point: its interval, or an arrow where an end is open, and its dot. */
  function point(one, s, provenance, x, y) {
    const marks = [];
    if (one.value === null) return marks;
    const at = x(one.value);
    const open = (end) => end === null;
    if (!(open(one.low) && open(one.high)) || one.bound) {
      const from = open(one.low) ? (one.bound === "<" ? 0 : at) : x(one.low);
      const to = open(one.high) ? (one.bound === ">" ? x.width : at) : x(one.high);
      marks.push(element("line", { x1: from.toFixed(1), x2: to.toFixed(1), y1: y, y2: y,
        class: `ex-bar ex-s${s}` }));
    }
    if (one.bound === ">" || one.bound === "<") {
      const tip = one.bound === ">" ? at + 8 : at - 8;
      const back = one.bound === ">" ? -5 : 5;
      marks.push(element("path", { class: `ex-bar ex-s${s}`,
        d: `M${tip + back},${y - 4}L${tip},${y}L${tip + back},${y + 4}` }));
    }
    marks.push(marker(s, provenance, at, y));
    return marks;
  }

  function grid(made, x, height) {
    const lines = x.ticks.map((value) =>
      element("line", { x1: x(value).toFixed(1), x2: x(value).toFixed(1), y1: 0, y2: height,
        class: "ex-grid" })
    );
    if (made.line !== null) {
      const at = x(made.line).toFixed(1);
      lines.push(element("line", { x1: at, x2: at, y1: 0, y2: height, class: "ex-line" }));
    }
    return lines;
  }

  function axis(x) {
    return x.ticks.map(function (value) {
      const at = x(value);
      const anchor = at < 18 ? "start" : at > x.width - 18 ? "end" : "middle";
      return element("text", { x: at.toFixed(1), y: 13, "text-anchor": anchor, class: "ex-tick" },
        tickText(value));
    });
  }

  const cut = (text, most) => (text.length > most ? text.slice(0, most - 1) + "\u2026" : text);

  /** The whole figure as the text of a file: white ground, and every mark that the page shows. */
  function file(made, address) {
    const [width, left, rowHeight] = [900, 330, 14 * made.series.length + 8];
    const rows = made.rows.slice(0, MOST_ROWS);
    const shown = made.series.map((one, s) => [one, s]).filter(([one]) => one.used);
    const top = 78 + 20 * shown.length;
    const height = top + rows.length * rowHeight + 56;
    const x = scale({ ...made, rows }, width - left - 20, 10);
    const style = [
      "text{font:12px sans-serif}text:not([fill]){fill:#1f2430}.ex-strong{font-weight:bold}",
      "text.ex-head-line{font-size:17px;font-weight:bold}text.ex-across{font-size:54px;",
      "font-weight:bold;fill:#b3261e;fill-opacity:.15}.ex-grid{stroke:#e3e6ea}.ex-line{stroke:#6b7280;",
      "stroke-dasharray:3 3}.ex-bar{stroke-width:2;fill:none}text.ex-tick{fill:#4b5563}",
      ...COLOURS.map((colour, s) =>
        `.ex-s${s}{stroke:${colour}}.ex-dot.ex-s${s}{fill:${colour}}`),
      ".ex-dot.ex-hollow{fill:#fff;stroke-width:2}",
    ].join("");
    const body = element("g", { transform: `translate(${left},${top})` },
      ...grid(made, x, rows.length * rowHeight));
    const page = element("svg", {
      xmlns: SVG, viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
    });
    page.append(
      element("title", {}, made.title),
      element("desc", {}, "Run " + made.run + ". " + address),
      element("style", {}, style),
      element("rect", { width, height, fill: "#fff" }),
      element("text", { x: 12, y: 26, class: "ex-head-line" },
        cut(made.title, 90)),
      element("text", { x: 12, y: 46 }, cut(made.xlabel, 120))
    );
    shown.forEach(function ([one, s], k) {
      const y = 66 + 20 * k;
      const [text, colour] = BADGES[one.provenance];
      page.append(
        marker(s, one.provenance, 20, y),
        element("text", { x: 34, y: y + 4 }, cut(one.name, 60)),
        element("text", { x: left + 100, y: y + 4, fill: colour, class: "ex-strong" }, text)
      );
    });
    rows.forEach(function (row, r) {
      const y = top + r * rowHeight;
      const label = element("text", { x: left - 10, y: y + rowHeight / 2 + 4,
        "text-anchor": "end" }, cut(row.label, 52));
      page.append(label);
      row.points.forEach(function (one, s) {
        if (!one) return;
        const provenance = made.series[s].provenance;
        body.append(...point(one, s, provenance, x, r * rowHeight + 11 + 14 * s));
      });
    });
    const ticksAt = top + rows.length * rowHeight;
    page.append(body, element("g", { transform: `translate(${left},${ticksAt})` }, ...axis(x)));
    if (shown.some(([one]) => one.provenance === "simulated")) {
      for (let y = top + 60; y < ticksAt || y === top + 60; y += 420) {
        page.append(element("text", { x: left + (width - left) / 2, y, "text-anchor": "middle",
          class: "ex-across" }, "simulated"));
      }
    }
    const rest = made.rows.length - rows.length;
    page.append(element("text", { x: 12, y: height - 14, class: "ex-tick" },
      (rest > 0 ? `The first ${rows.length} of ${made.rows.length} rows. ` : "") +
      `Revealed, run ${made.run}.` + (made.bars ? " Bars are 95 % intervals." : "")));
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + new XMLSerializer().serializeToString(page);
  }

  explore.draw = { element, scale, grid, axis, point, marker, file, BADGES };
})(window.revealedExplore);
