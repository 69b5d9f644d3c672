/* From the state and the loaded files to what is drawn: rows with points, and what to say of them.

   Numbers are taken as the files have them. The only arithmetic is a difference from the pivot and
   an interval of a number and its standard error. */
"use strict";

(function (explore) {
  const Z = 1.959964; // the normal quantile of a 95 % interval
  const MINUS = "\u2212";

  /** A number as the book writes it. */
  function number(value) {
    if (value === null || value === undefined) return "";
    const size = Math.abs(value);
    let text;
    if (value === 0) text = "0";
    else if (size >= 1e6 || size < 1e-4) text = value.toExponential(1).replace("e+", "e");
    else if (size >= 1000) text = Number(value.toPrecision(3)).toLocaleString("en-US");
    else if (size >= 1) text = value.toPrecision(3);
    else text = value.toFixed(3);
    return text.replace(/-/g, MINUS);
  }

  function interval(point) {
    if (point.low === null && point.high === null) return "";
    if (point.high === null) return "above " + number(point.low);
    if (point.low === null) return "below " + number(point.high);
    return number(point.low) + " to " + number(point.high);
  }

  /** A point in words, for the screen and for who listens. */
  function words(point) {
    if (point.missing) return point.missing;
    const bound = point.bound === ">" ? "more than " : point.bound === "<" ? "less than " : "";
    const inside = interval(point);
    return bound + number(point.value) + (inside && !bound ? " (" + inside + ")" : "");
  }

  function cellOf(index, names) {
    return index.cells.find(
      (cell) =>
        index.respondents[cell.respondent].name === names.who &&
        index.instruments[cell.instrument].name === names.what &&
        index.arms[cell.arm].name === names.arm
    );
  }

  const MEASURES = {
    utility: { title: "Utility", has: "utilities" },
    rate: { title: "Exchange rate", has: "rates" },
    share: { title: "Share of answers that chose it", has: "choices" },
  };

  /** Measures that at least one of these cells has. */
  function measures(cells) {
    return Object.keys(MEASURES).filter((name) =>
      cells.some((cell) => cell.has.includes(MEASURES[name].has))
    );
  }

  /** Names of the files that a state needs besides the index. */
  function files(index, state, cells) {
    if (state.view === "findings") {
      const chapter = index.chapters.find((one) => one.name === state.chapter);
      return chapter ? [chapter.file] : [];
    }
    const instrument = index.instruments.find((one) => one.name === state.what);
    const wanted = instrument ? [instrument.items] : [];
    for (const cell of cells) {
      wanted.push(cell.file);
      if (state.measure === "rate" && cell.has.includes("rates")) wanted.push(cell.file + ".rates");
      if (state.measure === "utility" && state.pivot && cell.has.includes("differences")) {
        wanted.push(cell.file + ".differences");
      }
    }
    return wanted;
  }

  const decoded = new Map(); // the last files of differences, by name

  function apartOf(cell, count) {
    const name = cell.file + ".differences";
    if (!explore.has(name)) return null;
    if (!decoded.has(name)) {
      if (decoded.size > 8) decoded.clear();
      decoded.set(name, explore.differences(explore.get(name), count));
    }
    return decoded.get(name);
  }

  const EMPTY = { value: null, low: null, high: null, bound: "", pairs: 0, missing: "" };

  function utilityPoints(cell, content, pivot, say) {
    const at = pivot < 0 ? -1 : content.items.indexOf(pivot);
    if (pivot >= 0 && at < 0) say("was not asked about the pivot, so nothing can be set against it");
    const apart = at >= 0 ? apartOf(cell, content.items.length) : null;
    let widened = false;
    const points = content.items.map(function (_, place) {
      const point = { ...EMPTY, pairs: content.asked[place] };
      const mean = content.mean[place];
      if (content.why) point.missing = "not measurable";
      else if (mean === null) point.missing = "no utility";
      // The prior placed it, not the answers: it won or lost against all, or stands apart.
      else if (content.pairs && content.se[place] === null) point.missing = "not placed by the answers";
      else if (pivot >= 0 && at < 0) point.missing = "no pivot";
      else if (at >= 0 && (content.mean[at] === null || (content.pairs && content.se[at] === null))) {
        point.missing = "the answers do not place the pivot";
      }
      else {
        point.value = at >= 0 ? mean - content.mean[at] : mean;
        let se = content.se[place];
        if (at >= 0) {
          if (apart) se = apart(place, at);
          else if (place === at) se = 0;
          else if (se !== null && content.se[at] !== null) {
            se += content.se[at]; // no standard error of a difference can be larger
            widened = true;
          } else se = null;
        }
        if (se !== null) {
          point.low = point.value - Z * se;
          point.high = point.value + Z * se;
        }
      }
      return point;
    });
    if (widened) say("has too many options for every difference: intervals are upper bounds");
    return points;
  }

  function sharePoints(content) {
    return content.items.map((_, place) => ({
      ...EMPTY,
      pairs: content.asked[place],
      value: content.share[place],
      low: content.share_low[place],
      high: content.share_high[place],
      missing: content.share[place] === null ? "no answer for either option" : "",
    }));
  }

  /** Pairs that every good stands in. */
  function pairsOfGoods(content, items, goods) {
    const counts = new Map(goods.map((name) => [name, 0]));
    const { a, b } = content.pairs;
    const goodOf = (place) => items.goods[items.good[content.items[place]]];
    for (let k = 0; k < a.length; k++) {
      for (const name of new Set([goodOf(a[k]), goodOf(b[k])])) {
        if (counts.has(name)) counts.set(name, counts.get(name) + 1);
      }
    }
    return counts;
  }

  function ratePoints(rates, pivot, say) {
    const at = rates.goods.indexOf(pivot);
    if (pivot && at < 0) say("was not asked about the pivot, so nothing can be set against it");
    return rates.goods.map(function (_, place) {
      const point = { ...EMPTY };
      if (pivot && at < 0) point.missing = "no pivot";
      else if (at === place) Object.assign(point, { value: 1, low: 1, high: 1 });
      else if (pivot) {
        Object.assign(point, explore.rate(rates, place, at));
        if (point.bound === "none" || point.value === null) {
          Object.assign(point, EMPTY, { missing: "not determined" });
        }
      } else {
        Object.assign(point, {
          value: rates.price[place], low: rates.price_low[place], high: rates.price_high[place],
        });
        if (point.value === null) point.missing = "not determined";
      }
      return point;
    });
  }

  /** Rows of a picked instrument: one an option, or one a good where rates are shown. */
  function optionRows(index, state, series) {
    const items = explore.get(index.instruments.find((one) => one.name === state.what).items);
    const rows = new Map();
    const at = function (key, label, category, pivot) {
      if (!rows.has(key)) {
        rows.set(key, {
          key, label, category, pivot, order: rows.size,
          points: new Array(series.length).fill(null),
        });
      }
      return rows.get(key);
    };
    const pivot = items.ids.indexOf(state.pivot);
    series.forEach(function (one, s) {
      if (!one.cell) return;
      const say = (text) => one.notes.push(text);
      const content = explore.get(one.cell.file);
      one.method = content.method;
      if (content.why && state.measure !== "share") say("is not measurable here: " + content.why);
      if (!one.cell.has.includes(MEASURES[state.measure].has)) {
        if (!content.why) say("has no " + MEASURES[state.measure].title.toLowerCase() + " here");
        return;
      }
      if (state.measure === "rate") {
        const rates = explore.get(one.cell.file + ".rates");
        one.method = rates.method;
        const pairs = pairsOfGoods(content, items, rates.goods);
        ratePoints(rates, state.pivot, say).forEach(function (point, place) {
          const name = rates.goods[place];
          point.pairs = pairs.get(name);
          at(name, name, "", name === state.pivot).points[s] = point;
        });
        return;
      }
      if (state.measure === "share") {
        one.method = "Share of the decided answers for it over all its pairs; each pair counts as " +
          "one draw, and below five pairs there is no interval.";
      }
      const points =
        state.measure === "utility"
          ? utilityPoints(one.cell, content, pivot, say)
          : sharePoints(content);
      points.forEach(function (point, place) {
        const item = content.items[place];
        const row = at(
          items.ids[item], items.texts[item], items.categories[items.category[item]], item === pivot
        );
        row.order = item;
        row.points[s] = point;
      });
    });
    return [...rows.values()];
  }

  function findingRows(content, state, series, single) {
    const estimand = content.estimands.indexOf(state.estimand);
    const rows = [];
    const places = [];
    content.estimand.forEach(function (code, k) {
      if (code === estimand) places.push(k);
    });
    const varies = (name) => new Set(places.map((k) => content[name][k])).size > 1;
    const parts = ["subject", "instrument", "arm"].filter(varies);
    const text = (name, k) => content[name + "s"][content[name][k]];
    const wanted = new Set(state.who);
    for (const k of places) {
      const who = text("respondent", k);
      if (wanted.size && !wanted.has(who)) continue;
      const provenance = text("provenance", k);
      const s = single.indexOf(provenance);
      const about = parts.map((name) => text(name, k)).filter(Boolean);
      const point = {
        ...EMPTY,
        value: content.estimate[k], low: content.low[k], high: content.high[k], pairs: content.n[k],
        missing: content.estimate[k] === null ? interval({
          low: content.low[k], high: content.high[k],
        }) || "no estimate" : "",
        note: text("note", k), method: text("method", k), unit: text("unit", k), who, provenance,
        instrument: text("instrument", k), arm: text("arm", k),
      };
      const points = new Array(series.length).fill(null);
      points[s] = point;
      rows.push({
        key: String(k), label: [who, ...about].join(" \u00b7 "), category: who, points,
        order: rows.length, pivot: false, finding: point,
      });
    }
    return rows;
  }

  const VALUE = (row) => {
    const point = row.points.find((one) => one && one.value !== null);
    return point ? point.value : null;
  };

  function sorted(rows, sort) {
    if (sort === "listed") return rows.sort((one, other) => one.order - other.order);
    if (sort === "name") {
      const collator = new Intl.Collator("en", { numeric: true });
      return rows.sort((one, other) => collator.compare(one.label, other.label));
    }
    const sign = sort === "low" ? 1 : -1;
    return rows
      .map((row) => [VALUE(row), row])
      .sort(function (one, other) {
        if (one[0] === null || other[0] === null) {
          return (one[0] === null) - (other[0] === null) || one[1].order - other[1].order;
        }
        return sign * (one[0] - other[0]) || one[1].order - other[1].order;
      })
      .map((pair) => pair[1]);
  }

  function matching(rows, state) {
    const wanted = state.q.trim().toLowerCase().split(/\s+/).filter(Boolean);
    return rows.filter(function (row) {
      if (state.view === "options" && state.category && row.category !== state.category) return false;
      if (!wanted.length) return true;
      row.words = row.words || row.label.toLowerCase();
      return wanted.every((word) => row.words.includes(word));
    });
  }

  /** Everything that is drawn for a state whose files are loaded. */
  function build(index, state) {
    const made = {
      state, series: [], rows: [], all: 0, categories: [], goods: [], title: "", xlabel: "",
      log: false, line: null, run: index.run,
    };
    if (state.view === "findings") {
      const chapter = index.chapters.find((one) => one.name === state.chapter);
      const content = chapter && explore.get(chapter.file);
      if (!content) return made;
      const kinds = ["elicited", "public", "published", "simulated"].filter((kind) =>
        content.provenances.includes(kind)
      );
      made.series = kinds.map((kind) => ({ name: kind, provenance: kind, notes: [], cell: null }));
      made.rows = findingRows(content, state, made.series, kinds);
      const used = new Set(made.rows.map((row) => row.finding.provenance));
      made.series.forEach((one) => (one.used = used.has(one.provenance)));
      const unit = made.rows.length ? made.rows[0].finding.unit : "";
      const name = explore.model.plain(state.estimand);
      made.title = name.slice(0, 1).toUpperCase() + name.slice(1) + ", " + chapter.title;
      made.xlabel = unit;
      made.chapter = chapter;
    } else {
      made.series = state.who.map(function (who) {
        const respondent = index.respondents.find((one) => one.name === who);
        const cell = cellOf(index, { who, what: state.what, arm: state.arm });
        const notes = cell ? [] : ["was not asked this in this framing"];
        if (cell && respondent.gate) notes.push("fails the gate: " + respondent.gate);
        return { name: who, provenance: respondent.provenance, cell, notes, used: Boolean(cell) };
      });
      const instrument = index.instruments.find((one) => one.name === state.what);
      const arm = index.arms.find((one) => one.name === state.arm);
      if (!instrument || !arm || !explore.has(instrument.items)) return made;
      const items = explore.get(instrument.items);
      made.rows = optionRows(index, state, made.series);
      const pivot = state.measure === "rate" ? state.pivot
        : items.texts[items.ids.indexOf(state.pivot)] || "";
      made.pivotText = pivot;
      made.title = instrument.title + ", " + arm.title.toLowerCase();
      made.log = state.measure === "rate";
      made.line = { utility: 0, rate: 1, share: 0.5 }[state.measure];
      made.xlabel =
        state.measure === "share" ? MEASURES.share.title
        : state.measure === "rate"
          ? pivot ? "Units of \u201c" + pivot + "\u201d that weigh as much as one"
            : "Weight of one, against the mean of the reference goods"
          : pivot ? "Utility minus that of \u201c" + pivot + "\u201d" : "Utility, probit units";
      if (state.measure !== "rate") {
        made.categories = [...new Set(made.rows.map((row) => row.category))].filter(Boolean);
      }
    }
    made.all = made.rows.length;
    made.drawn = made.rows.some((row) => row.points.some((one) => one && one.value !== null));
    made.bars = made.rows.some((row) => row.points.some((one) => one && one.low !== null));
    made.options = made.rows.map((row) => [row.key, row.label]);
    made.rows = sorted(matching(made.rows, state), state.sort);
    return made;
  }

  /** The shown rows as a table: a head, and a line for each point. */
  function table(made) {
    const { state } = made;
    const findings = state.view === "findings";
    const head = findings
      ? ["respondent", "subject", "estimate", "low", "high", "unit", "n", "method", "provenance",
        "note", "instrument", "arm", "estimand", "run"]
      : ["item", "text", "category", "respondent", "estimate", "low", "high", "bound", "pairs",
        "provenance", "note", "instrument", "arm", "measure", "pivot", "run"];
    const lines = [];
    for (const row of made.rows) {
      row.points.forEach(function (point, s) {
        if (!point) return;
        lines.push(
          findings
            ? [point.who, row.label.split(" \u00b7 ").slice(1).join(" \u00b7 "), point.value,
              point.low, point.high, point.unit, point.pairs, point.method, point.provenance,
              point.note, point.instrument, point.arm, state.estimand, made.run]
            : [row.key, row.label, row.category, made.series[s].name, point.value, point.low,
              point.high, point.bound, point.pairs, made.series[s].provenance, point.missing,
              state.what, state.arm, state.measure, state.pivot, made.run]
        );
      });
    }
    return { head, lines };
  }

  function csv(made) {
    const cell = function (value) {
      if (value === null || value === undefined) return "";
      if (typeof value === "number") return String(value);
      // A spreadsheet would run a text that begins like a formula.
      const text = /^[=+\-@\t\r]/.test(value) ? "'" + value : value;
      return /[",\n\r]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
    };
    const { head, lines } = table(made);
    return [head, ...lines].map((line) => line.map(cell).join(",") + "\r\n").join("");
  }

  explore.model = {
    MEASURES, number, interval, words, cellOf, measures, files, build, csv,
    plain: (name) => name.replace(/[._]/g, " "),
    short: (name) => name.slice(name.lastIndexOf("/") + 1).replace(/_/g, " "),
  };
})(window.revealedExplore);
