/* Behind a number: the pairs it rests on, counted in both orders, and what was said to a pair. */
"use strict";

(function (explore) {
  const { node, badge } = explore.parts;
  const { number } = explore.model;
  const ROWS = 20;
  const KINDS = ["read as the first option", "read as the second option", "read as between the two",
    "read as no preference", "declined", "could not be read", "never came"];

  function count(side, other) {
    if (side === null || other === null) return "not asked";
    return counted(side) + " of " + counted(side + other);
  }

  /** A count; a fraction where probabilities of tokens were read. */
  function counted(n) {
    return Number.isInteger(n) ? n.toLocaleString("en-US") : number(n);
  }

  /** Pairs of a cell in which one of `wanted` stands, seen from its side. */
  function pairsOf(content, wanted) {
    const found = [];
    const { pairs } = content;
    const lost = new Map();
    for (const [k, , ...rest] of pairs.lost) {
      const before = lost.get(k) || [0, 0, 0, 0];
      lost.set(k, before.map((n, i) => n + rest[i]));
    }
    const held = new Set(pairs.holdout);
    for (let k = 0; k < pairs.a.length; k++) {
      const asA = wanted.has(content.items[pairs.a[k]]);
      if (!asA && !wanted.has(content.items[pairs.b[k]])) continue;
      const [mine, other] = asA ? [pairs.for_a[k], pairs.for_b[k]] : [pairs.for_b[k], pairs.for_a[k]];
      const orders = asA ? [0, 1] : [1, 0];
      found.push({
        k,
        own: content.items[asA ? pairs.a[k] : pairs.b[k]],
        against: content.items[asA ? pairs.b[k] : pairs.a[k]],
        first: count(mine[orders[0]], other[orders[0]]),
        second: count(mine[orders[1]], other[orders[1]]),
        lost: lost.get(k) || null,
        held: held.has(k),
      });
    }
    return found;
  }

  const LOST = ["no preference", "declined", "not readable", "failed"];

  function lostText(lost) {
    if (!lost) return "";
    return lost.map((n, k) => (n ? counted(n) + " " + LOST[k] : "")).filter(Boolean).join(", ");
  }

  explore.behind = function (box, change) {
    let page = 0;
    let shownFor = "";

    function answers(into, context, pair) {
      const { cell, content, items } = context;
      if (content.silent) {
        into.append(node("p", "rv-note", "No raw answers here. " + content.silent));
        return;
      }
      let k = content.answers_from.length - 1;
      while (k > 0 && content.answers_from[k] > pair.k) k--;
      explore.load(cell.file + ".answers-" + k).then(function (file) {
        const texts = [content.pairs.a[pair.k], content.pairs.b[pair.k]].map(
          (place) => items.texts[content.items[place]]
        );
        const fold = node("details", "rv-fold");
        fold.append(node("summary", "",
          "Content note: what " + context.who + " said, as it was written. Nobody has checked it."));
        [0, 1].forEach(function (order) {
          const place = 2 * (pair.k - file.start) + order;
          const [one, other] = order ? [texts[1], texts[0]] : texts;
          const section = node("section");
          const heading = node("h3", "", order ? "The other way round" : "In one order");
          const asked = node("p", "ex-asked");
          asked.append("First: ", node("bdi", "", one), node("br"), "Second: ", node("bdi", "", other));
          section.append(heading, asked);
          const said = file.said[place] || [];
          if (!said.length) section.append(node("p", "rv-missing", "The ledger has no answer."));
          for (const [text, kind, times] of said) {
            const about = node("p", "ex-kind", times + " \u00d7 " + KINDS[kind]);
            section.append(about);
            if (text >= 0) {
              const quote = node("blockquote", "rv-answer");
              quote.append(node("bdi", "", file.texts[text]));
              section.append(quote);
            }
          }
          const rest = file.left_out.find((row) => row[0] === place);
          if (rest) {
            const more = node("p", "rv-missing", `${rest[1]} answers in other words are not shown; ` +
              "the run's ledger has every row. ");
            const link = node("a", "", "Downloads");
            link.href = "downloads.html";
            more.append(link);
            section.append(more);
          }
          fold.append(section);
        });
        into.replaceChildren(fold);
      }, function (error) {
        into.replaceChildren(node("p", "rv-note", error.message));
      });
      into.append(node("p", "", "Loading."));
    }

    function paint(context, made) {
      const { state } = made;
      const pairs = context.content.pairs ? pairsOf(context.content, context.wanted) : [];
      const table = node("table");
      table.append(node("caption", "", "Pairs with " + context.title + ", put to " + context.who +
        ". Counts are answers for it."));
      const head = node("tr");
      const goods = context.wanted.size > 1;
      const names = ["Against", "Chosen where listed first", "Chosen where listed second",
        "No choice", "Use", "Answers"];
      for (const text of goods ? ["Its option", ...names] : names) {
        const th = node("th", "", text);
        th.scope = "col";
        head.append(th);
      }
      const body = node("tbody");
      const opened = pairs.findIndex((pair) => keyOf(context, pair) === state.pair);
      if (opened >= 0 && shownFor !== state.item + state.pair) page = Math.floor(opened / ROWS);
      shownFor = state.item + state.pair;
      const into = node("div", "ex-said");
      for (const pair of pairs.slice(page * ROWS, (page + 1) * ROWS)) {
        const line = node("tr");
        const against = node("th", "ex-name", context.items.texts[pair.against]);
        against.scope = "row";
        if (goods) line.append(node("td", "ex-name", context.items.texts[pair.own]));
        line.append(against, node("td", "rv-number", pair.first), node("td", "rv-number", pair.second),
          node("td", "", lostText(pair.lost)), node("td", "", pair.held ? "held out" : "fitted"));
        const last = node("td");
        const button = node("button", "ex-button", "Answers");
        const key = keyOf(context, pair);
        button.type = "button";
        button.setAttribute("aria-expanded", String(key === state.pair));
        button.setAttribute("aria-label", "Answers to " + context.items.texts[pair.own] +
          " against " + context.items.texts[pair.against]);
        button.addEventListener("click", () => change({ pair: key === state.pair ? "" : key }));
        last.append(button);
        line.append(last);
        body.append(line);
        if (key === state.pair) {
          const below = node("tr");
          const wide = node("td", "ex-below");
          wide.colSpan = goods ? 7 : 6;
          wide.append(into);
          below.append(wide);
          body.append(below);
          answers(into, context, pair);
        }
      }
      const thead = node("thead");
      thead.append(head);
      table.append(thead, body);
      const inside = node("div", "rv-scroll ex-pairs");
      inside.tabIndex = 0;
      inside.setAttribute("role", "region");
      inside.setAttribute("aria-label", "Pairs with " + context.title);
      inside.append(table);
      const go = function (to) {
        page = to;
        context.page = true;
        paint(context, made);
        box.querySelector(".ex-pairs").focus();
      };
      const parts = [inside, explore.pager("Pairs", page, pairs.length, ROWS, go)];
      if (!pairs.length) {
        parts.splice(0, 2, node("p", "rv-missing", context.content.pairs
          ? "No pair with it was put to this respondent." : context.content.silent));
      }
      const focused = document.activeElement && document.activeElement.getAttribute("aria-label");
      const within = box.contains(document.activeElement);
      box.replaceChildren(...header(context, made), ...parts);
      if (within && focused) {
        const again = [...box.querySelectorAll("button")].find(
          (one) => one.getAttribute("aria-label") === focused
        );
        if (again) again.focus();
      }
    }

    const keyOf = (context, pair) =>
      context.items.ids[pair.own] + "~" + context.items.ids[pair.against];

    function header(context, made) {
      const heading = node("h2", "ex-behind", "Behind: " + context.title);
      heading.tabIndex = -1;
      const about = node("p", "ex-about");
      about.append(badge(context.content.provenance), " ", context.method);
      const parts = [heading, about];
      const others = made.series.filter((one) => one.cell);
      if (others.length > 1) {
        const label = node("label", "", "Pairs put to ");
        const select = node("select");
        for (const one of others) {
          const option = node("option", "", one.name);
          option.value = one.name;
          option.selected = one.name === context.who;
          select.append(option);
        }
        select.addEventListener("change", () => change({ of: select.value, pair: "" }));
        label.append(select);
        parts.push(label);
      }
      const bar = node("p", "ex-bar-of-buttons");
      if (made.state.measure !== "share" && context.pivotable) {
        const is = made.state.pivot === made.state.item;
        const pivot = node("button", "ex-button", is ? "No longer the pivot" : "Make it the pivot");
        pivot.type = "button";
        pivot.addEventListener("click", () => change({ pivot: is ? "" : made.state.item }));
        bar.append(pivot);
      }
      const close = node("button", "ex-button", "Close");
      close.type = "button";
      close.addEventListener("click", () => change({ item: "", pair: "", of: "" }, "figure"));
      bar.append(close);
      parts.push(bar);
      return parts;
    }

    return {
      show: function (made) {
        const { state } = made;
        box.hidden = !state.item || state.view !== "options";
        if (box.hidden) {
          box.replaceChildren();
          return;
        }
        const series = made.series.filter((one) => one.cell);
        const chosen = series.find((one) => one.name === state.of) || series[0];
        if (!chosen) {
          box.replaceChildren(node("p", "rv-missing", "Nobody picked was asked about it."));
          return;
        }
        const instrument = made.index.instruments.find((one) => one.name === state.what);
        const items = explore.get(instrument.items);
        const good = items.goods.indexOf(state.item);
        const id = items.ids.indexOf(state.item);
        const wanted = new Set();
        if (state.measure === "rate") {
          items.good.forEach((code, place) => code === good && good >= 0 && wanted.add(place));
        } else if (id >= 0) wanted.add(id);
        if (shownFor.indexOf(state.item) !== 0) page = 0;
        paint({
          cell: chosen.cell, who: chosen.name, content: explore.get(chosen.cell.file), items, wanted,
          method: chosen.method,
          title: id >= 0 ? items.texts[id] : state.item, pivotable: true,
        }, made);
      },
      focus: function () {
        const heading = box.querySelector(".ex-behind");
        if (heading) heading.focus();
      },
    };
  };
})(window.revealedExplore);
