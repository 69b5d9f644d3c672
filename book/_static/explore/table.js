/* The same rows as a table, a page at a time: what the figure shows, in words and numbers. */
"use strict";

(function (explore) {
  const { node, badge } = explore.parts;
  const { number, interval } = explore.model;
  const ROWS = 50;

  function cell(row, text, className) {
    const made = node("td", className, text);
    row.append(made);
    return made;
  }

  /** A bar to walk through pages; `go` is called with the number of the page. */
  explore.pager = function (what, page, rows, size, go) {
    const bar = node("nav", "ex-pager");
    bar.setAttribute("aria-label", "Pages of " + what);
    const last = Math.max(0, Math.ceil(rows / size) - 1);
    const from = rows ? page * size + 1 : 0;
    bar.append(node("span", "", `${what}: ${from.toLocaleString("en-US")} to ${Math.min(
      rows, (page + 1) * size).toLocaleString("en-US")} of ${rows.toLocaleString("en-US")}`));
    for (const [text, to] of [["Previous", page - 1], ["Next", page + 1]]) {
      const button = node("button", "ex-button", text);
      button.type = "button";
      button.disabled = to < 0 || to > last;
      button.addEventListener("click", () => go(to));
      if (last > 0) bar.append(button);
    }
    return bar;
  };

  explore.table = function (box, choose) {
    let made = null;
    let lines = [];
    let page = 0;

    function heads(findings) {
      return findings
        ? ["Of whom and what", "Estimate", "95 % interval", "n", "Provenance", "Method and note", ""]
        : ["Option", "Respondent", "Estimate", "95 % interval", "Pairs", "Provenance", ""];
    }

    function paint(focus) {
      const findings = made.state.view === "findings";
      const table = node("table");
      const caption = node("caption", "", made.title + ". " + made.xlabel + ".");
      const head = node("tr");
      heads(findings).forEach(function (text, k) {
        const th = node("th", [1, 2, 3, 4].includes(k) && text !== "Respondent" ? "rv-number" : "",
          text);
        th.scope = "col";
        if (!text) {
          th.textContent = "Behind it";
        }
        head.append(th);
      });
      const body = node("tbody");
      for (const [row, s] of lines.slice(page * ROWS, (page + 1) * ROWS)) {
        const one = row.points[s];
        const line = node("tr");
        const name = node("th", "ex-name", row.label);
        name.scope = "row";
        line.append(name);
        if (!findings) cell(line, explore.model.short(made.series[s].name));
        cell(line, one.missing || one.bound + number(one.value), "rv-number");
        cell(line, interval(one), "rv-number");
        cell(line, one.pairs ? one.pairs.toLocaleString("en-US") : "", "rv-number");
        cell(line, "").append(badge(made.series[s].provenance));
        if (findings) cell(line, [one.method, one.note].filter(Boolean).join(". "), "ex-words");
        const last = cell(line, "");
        if (!findings || (one.instrument && one.arm)) {
          const button = node("button", "ex-button", "Pairs");
          button.type = "button";
          button.setAttribute("aria-label", "Pairs behind " + row.label);
          button.addEventListener("click", () => choose(row.key, findings ? "" : made.series[s].name));
          last.append(button);
        }
        body.append(line);
      }
      const thead = node("thead");
      thead.append(head);
      table.append(caption, thead, body);
      const inside = node("div", "rv-scroll");
      inside.tabIndex = 0;
      inside.setAttribute("role", "region");
      inside.setAttribute("aria-label", "Table: " + made.title);
      inside.append(table);
      const go = function (to) {
        page = to;
        paint(true);
      };
      box.replaceChildren(inside, explore.pager("Rows", page, lines.length, ROWS, go));
      if (focus) inside.focus();
    }

    return {
      show: function (next) {
        made = next;
        page = 0;
        lines = [];
        for (const row of made.rows) {
          row.points.forEach((one, s) => one && lines.push([row, s]));
        }
        if (lines.length) paint(false);
        else box.replaceChildren();
      },
    };
  };
})(window.revealedExplore);
