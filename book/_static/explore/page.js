/* The page: controls, what they change, and what is said about it. */
"use strict";

(function (explore) {
  const { node } = explore.parts;
  const { MEASURES, cellOf, measures, files, build, csv, plain, short, words } = explore.model;
  const { DEFAULTS, MOST, read, write } = explore.state;

  const root = document.getElementById("explorer");
  if (!root) return;
  explore.from(root.dataset.folder);
  const index = explore.get("index");
  if (!index || index.version !== 1) {
    document.getElementById("explore-waiting").textContent =
      "The data of this page are missing or of another version: build the book again.";
    return;
  }

  let state = read(location.hash);
  let turn = 0; // the last change; what an earlier one was loading is not drawn any more
  let made = null;

  // ------------------------------------------------------------------------------------ controls

  function labelled(text, control, className) {
    const box = node("div", "ex-control " + (className || ""));
    const label = node("label", "", text);
    label.htmlFor = control.id;
    box.append(label, control);
    return box;
  }

  function select(id, change) {
    const made = node("select");
    made.id = id;
    made.addEventListener("change", () => change(made.value));
    return made;
  }

  function radios(legend, name, choices, change) {
    const box = node("fieldset", "ex-radios");
    box.append(node("legend", "", legend));
    for (const [value, text] of choices) {
      const label = node("label");
      const input = node("input");
      input.type = "radio";
      input.name = name;
      input.value = value;
      input.addEventListener("change", () => input.checked && change(value));
      label.append(input, text);
      box.append(label);
    }
    return box;
  }

  function setRadio(name, value) {
    for (const input of root.querySelectorAll(`input[name="${name}"]`)) {
      input.checked = input.value === value;
    }
  }

  function options(into, groups, chosen) {
    into.replaceChildren();
    for (const [label, entries] of groups) {
      if (!entries.length) continue;
      const group = label ? node("optgroup") : into;
      if (label) {
        group.label = label;
        into.append(group);
      }
      for (const [value, text] of entries) {
        const option = node("option", "", text);
        option.value = value;
        option.selected = value === chosen;
        group.append(option);
      }
    }
  }

  const form = node("form", "ex-form");
  form.setAttribute("aria-label", "What to show");
  form.addEventListener("submit", (event) => event.preventDefault());
  const view = radios("Look at", "ex-view", [["options", "options and their pairs"],
    ["findings", "findings of the chapters"]], (value) => change({ ...cleared, view: value, who: [] }));
  view.classList.add("ex-view");
  const cleared = { item: "", pair: "", of: "", q: "", category: "" };

  const who = node("details", "ex-who");
  const whoSummary = node("summary");
  whoSummary.id = "ex-who-summary";
  const whoFilter = node("input");
  whoFilter.type = "search";
  whoFilter.id = "ex-who-filter";
  const whoList = node("div", "ex-who-list");
  whoList.setAttribute("role", "group");
  whoList.setAttribute("aria-label", "Respondents");
  who.append(whoSummary, labelled("Find a respondent", whoFilter), whoList);
  whoFilter.addEventListener("input", function () {
    const wanted = whoFilter.value.toLowerCase();
    for (const label of whoList.querySelectorAll("label")) {
      label.hidden = !label.textContent.toLowerCase().includes(wanted);
    }
  });

  const what = select("ex-what", (value) => change({ ...cleared, what: value, pivot: "" }));
  const arm = select("ex-arm", (value) => change({ arm: value, pair: "" }));
  const measure = select("ex-measure", (value) =>
    change({ measure: value, pivot: "", item: "", pair: "", q: "" }));
  const category = select("ex-category", (value) => change({ category: value }));
  const chapter = select("ex-chapter", (value) =>
    change({ ...cleared, chapter: value, estimand: "", who: [] }));
  const estimand = select("ex-estimand", (value) => change({ estimand: value, q: "" }));
  const sort = select("ex-sort", (value) => change({ sort: value }));
  options(sort, [["", [["high", "largest first"], ["low", "smallest first"], ["name", "by name"],
    ["listed", "as listed in the source"]]]], state.sort);
  const find = node("input");
  find.type = "search";
  find.id = "ex-find";
  find.addEventListener("input", () => change({ q: find.value }, "", true));
  const pivotField = node("input");
  Object.assign(pivotField, { type: "text", id: "ex-pivot", autocomplete: "off",
    placeholder: "none" });
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"],
    ["aria-expanded", "false"], ["aria-controls", "ex-pivot-list"]]) {
    pivotField.setAttribute(name, value);
  }
  const pivotList = node("ul", "ex-list");
  pivotList.id = "ex-pivot-list";
  pivotList.hidden = true;
  pivotList.setAttribute("role", "listbox");
  pivotList.setAttribute("aria-label", "Pivot");
  const pivot = explore.combobox(pivotField, pivotList, (key) => change({ pivot: key }));
  const show = radios("Show as", "ex-show", [["figure", "figure"], ["table", "table"]],
    (value) => change({ show: value }));

  const boxes = {
    what: labelled("Category: what was asked about", what),
    arm: labelled("Framing: in which words", arm),
    measure: labelled("Number", measure),
    pivot: labelled("Pivot: what counts as the unit", pivotField, "ex-combo"),
    category: labelled("Kind of option", category),
    chapter: labelled("Chapter", chapter),
    estimand: labelled("What is estimated", estimand),
    sort: labelled("Order", sort),
    find: labelled("Find in the rows", find),
  };
  boxes.pivot.append(pivotList);
  form.append(view, who, boxes.what, boxes.arm, boxes.measure, boxes.pivot, boxes.chapter,
    boxes.estimand, boxes.category, boxes.sort, boxes.find, show);

  const armText = node("p", "ex-purpose");
  const status = node("p", "ex-status");
  status.setAttribute("role", "status");
  const keys = node("p", "ex-keys", "Arrow keys walk through the rows, Enter opens the pairs " +
    "behind one. Hollow marks are simulated respondents; an arrow is a bound.");
  keys.id = "ex-keys";
  const bar = node("p", "ex-bar-of-buttons");
  const button = function (text, action) {
    const made = node("button", "ex-button", text);
    made.type = "button";
    made.addEventListener("click", action);
    bar.append(made);
    return made;
  };
  const figureBox = node("div", "ex-figure");
  const tableBox = node("div", "ex-table");
  const behindBox = node("section", "ex-behind-box");
  behindBox.setAttribute("aria-label", "Behind the number");

  // ------------------------------------------------------------------------------------- changes

  /** Take over what changed; `focus` is where the focus goes, `quiet` adds no step to go back. */
  function change(fields, focus, quiet) {
    state = { ...state, ...fields };
    update({ focus, push: !quiet });
  }

  function pickedCells() {
    return state.who
      .map((one) => cellOf(index, { who: one, what: state.what, arm: state.arm }))
      .filter(Boolean);
  }

  const said = []; // what a link named that this run does not have

  /** Make the state one that can be shown, changing as little as possible. */
  function settle() {
    said.length = 0;
    if (state.view === "findings") {
      const known = index.chapters.find((one) => one.name === state.chapter);
      if (state.chapter && !known) said.push(`this run has no chapter ${state.chapter}`);
      if (!known) state.chapter = index.chapters.length ? index.chapters[0].name : "";
      return;
    }
    const names = new Set(index.respondents.map((one) => one.name));
    for (const one of state.who) if (!names.has(one)) said.push(`this run has no ${one}`);
    state.who = state.who.filter((one) => names.has(one));
    if (!index.cells.length) return;
    const start = index.cells.find((one) => one.has.includes("utilities")) || index.cells[0];
    const asked = (cell) => state.who.includes(index.respondents[cell.respondent].name);
    if (!state.who.length && state.what) {
      const cell = index.cells.find((one) => index.instruments[one.instrument].name === state.what);
      if (cell) state.who = [index.respondents[cell.respondent].name];
    }
    if (!state.who.length) state.who = [index.respondents[start.respondent].name];
    if (!index.instruments.some((one) => one.name === state.what)) {
      if (state.what) said.push(`this run has no ${state.what}`);
      const cell = index.cells.find((one) => asked(one) && one.has.includes("utilities")) ||
        index.cells.find(asked) || start;
      state.what = index.instruments[cell.instrument].name;
    }
    const arms = armsOf();
    if (!arms.some(([name]) => name === state.arm)) {
      if (state.arm !== DEFAULTS.arm) said.push(`nobody was asked this in the framing ${state.arm}`);
      const cell = index.cells.find((one) => asked(one) && arms.some(
        ([name]) => name === index.arms[one.arm].name) &&
        index.instruments[one.instrument].name === state.what);
      state.arm = cell ? index.arms[cell.arm].name : arms.length ? arms[0][0] : "";
    }
    const possible = measures(pickedCells());
    if (!possible.includes(state.measure)) state.measure = possible[0] || "utility";
    if (state.measure === "share") state.pivot = "";
  }

  /** Framings of the instrument, whoever was asked: [name, title, asked of somebody picked]. */
  function armsOf() {
    const found = new Map();
    for (const cell of index.cells) {
      if (index.instruments[cell.instrument].name !== state.what) continue;
      const { name, title } = index.arms[cell.arm];
      const picked = state.who.includes(index.respondents[cell.respondent].name);
      found.set(name, [name, title, picked || (found.has(name) && found.get(name)[2])]);
    }
    return [...found.values()];
  }

  async function update({ focus, push, first }) {
    const mine = ++turn;
    const started = performance.now();
    settle();
    address(push, first);
    controls();
    const wanted = files(index, state, pickedCells());
    const missing = wanted.filter((name) => !explore.has(name));
    if (missing.length) {
      status.textContent = "Loading.";
      root.setAttribute("aria-busy", "true");
      try {
        await Promise.all(missing.map(explore.load));
      } catch (error) {
        if (mine === turn) {
          root.removeAttribute("aria-busy");
          status.textContent = error.message + " Check the connection and pick again.";
        }
        return;
      }
      if (mine !== turn) return;
      root.removeAttribute("aria-busy");
    }
    if (state.view === "findings") estimands();
    made = build(index, state);
    made.index = index;
    const known = (key) => (made.options || []).some((one) => one[0] === key);
    if (state.pivot && !known(state.pivot)) {
      said.push("the pivot is not among these options");
      state.pivot = "";
      address(false);
      made = build(index, state);
      made.index = index;
    }
    if (state.item && !known(state.item)) {
      said.push("what the link names is not among these options");
      Object.assign(state, { item: "", pair: "", of: "" });
      address(false);
    }
    followControls();
    paint();
    if (focus === "behind") behind.focus();
    else if (focus === "figure" && state.show === "figure") figure.focus();
    performance.measure("explore-change", { start: started });
  }

  function paint() {
    figureBox.hidden = state.show !== "figure";
    tableBox.hidden = state.show !== "table";
    if (state.show === "figure") figure.show(made);
    else {
      table.show(made);
    }
    keys.hidden = figureBox.hidden || !made.rows.length;
    behind.show(made);
    status.textContent = summary();
  }

  // The address ------------------------------------------------------------------------------

  function address(push, first) {
    const told = "#" + write(state);
    if (location.hash === told || first) return;
    try {
      if (push) history.pushState(null, "", told);
      else history.replaceState(null, "", told);
    } catch (error) { // a browser that lets no page in a folder change its address
      if (push) location.hash = told;
    }
  }

  function back() {
    if (location.hash === "#" + write(state)) return;
    state = read(location.hash);
    update({ push: false });
  }
  window.addEventListener("popstate", back);
  window.addEventListener("hashchange", back);

  // What the controls offer ----------------------------------------------------------------------

  const ORDER = [["elicited", "asked in this run"], ["public", "public answers"],
    ["published", "published figures"], ["simulated", "simulated, no real model"]];

  function controls() {
    const findings = state.view === "findings";
    setRadio("ex-view", state.view);
    setRadio("ex-show", state.show);
    for (const name of ["what", "arm", "measure"]) boxes[name].hidden = findings;
    boxes.chapter.hidden = boxes.estimand.hidden = !findings;
    sort.value = state.sort;
    if (find.value !== state.q) find.value = state.q;
    if (findings) {
      options(chapter, [["", index.chapters.map((one) => [one.name, one.title])]], state.chapter);
      armText.textContent = "";
      return;
    }
    respondents(index.respondents.map((one) => [one.name, one.provenance]));
    const mine = new Set();
    for (const cell of index.cells) {
      if (state.who.includes(index.respondents[cell.respondent].name)) mine.add(cell.instrument);
    }
    const entries = index.instruments.map((one, k) => [one.name, one.title, mine.has(k)]);
    options(what, [["", entries.filter((one) => one[2])],
      ["not asked of whom you picked", entries.filter((one) => !one[2])]], state.what);
    const arms = armsOf();
    options(arm, [["", arms.filter((one) => one[2])],
      ["not asked of whom you picked", arms.filter((one) => !one[2])]], state.arm);
    const known = index.arms.find((one) => one.name === state.arm);
    armText.textContent = known ? known.purpose : "";
    options(measure, [["", measures(pickedCells()).map((name) => [name, MEASURES[name].title])]],
      state.measure);
  }

  let listed = "";

  function respondents(names) {
    const many = state.view === "options" ? ` (up to ${MOST})` : "";
    const told = state.who.length === 0 ? "all"
      : state.who.length === 1 ? state.who[0]
        : short(state.who[0]) + " and " + (state.who.length - 1) + " more";
    whoSummary.textContent = `Respondents${many}: ${told}`;
    const key = JSON.stringify(names);
    if (key !== listed) {
      listed = key;
      whoList.replaceChildren();
      for (const [kind, text] of ORDER) {
        const group = names.filter((one) => one[1] === kind);
        if (!group.length) continue;
        whoList.append(node("p", "ex-group", text));
        for (const [name] of group) {
          const label = node("label");
          const input = node("input");
          input.type = "checkbox";
          input.value = name;
          input.addEventListener("change", function () {
            const rest = state.who.filter((one) => one !== name);
            change({ who: input.checked ? [...rest, name] : rest, pair: "", of: "" });
          });
          label.append(input, name);
          whoList.append(label);
        }
      }
    }
    const full = state.view === "options" && state.who.length >= MOST;
    for (const input of whoList.querySelectorAll("input")) {
      input.checked = state.who.includes(input.value);
      input.disabled = full && !input.checked;
    }
  }

  /** Estimands of the chapter, and whom its findings are about. */
  function estimands() {
    const content = explore.get(index.chapters.find((one) => one.name === state.chapter).file);
    if (!content.estimands.includes(state.estimand)) state.estimand = content.estimands[0] || "";
    options(estimand, [["", content.estimands.map((name) => [name, plain(name)])]], state.estimand);
    const kind = new Map();
    content.respondent.forEach((code, k) =>
      kind.set(content.respondents[code], content.provenances[content.provenance[k]]));
    respondents([...kind]);
    address(false);
  }

  /** Controls that depend on the rows. */
  function followControls() {
    boxes.category.hidden = made.categories.length < 2;
    options(category, [["", [["", "all kinds"], ...made.categories.map((name) => [name, name])]]],
      state.category);
    boxes.pivot.hidden = state.view === "findings" || state.measure === "share";
    if (!boxes.pivot.hidden) pivot.set(made.options || [], state.pivot);
  }

  // What is said -----------------------------------------------------------------------------------

  function summary() {
    const parts = said.map((text) => text[0].toUpperCase() + text.slice(1) + ".");
    const findings = state.view === "findings";
    if (findings && !index.chapters.length) return "This run has no findings.";
    if (!findings && !index.cells.length) return "This run has no pairs and no utilities.";
    const shown = made.rows.length.toLocaleString("en-US");
    const all = made.all === made.rows.length ? "" : ` of ${made.all.toLocaleString("en-US")}`;
    if (!made.all) {
      const why = made.series.map((one) => `${one.name} ${one.notes.join("; ")}`).join(". ");
      parts.push(findings ? "No finding of this." : `Nothing to show. ${why}.`);
    } else if (!made.rows.length) parts.push("No row matches what you look for.");
    else {
      const of = findings ? plain(state.estimand)
        : MEASURES[state.measure].title.toLowerCase() + ", " + made.title;
      parts.push(`${shown}${all} rows: ${of}.`);
      const top = made.rows[0];
      const point = top.points.find((one) => one && one.value !== null);
      if (point) parts.push(`First: ${top.label}, ${words(point)}.`);
      const simulated = made.series.filter((one) => one.used && one.provenance === "simulated");
      if (simulated.length) {
        parts.push(simulated.length === made.series.filter((one) => one.used).length
          ? "All of it is simulated: no real model." : "Hollow marks are simulated.");
      }
    }
    return parts.join(" ");
  }

  // Files to take along -----------------------------------------------------------------------------

  function offer(text, type, ending) {
    const address = URL.createObjectURL(new Blob([text], { type }));
    const made = node("a");
    made.href = address;
    const named = state.view === "findings" ? [state.chapter, state.estimand]
      : [state.what, state.arm, state.measure];
    made.download = ["revealed", index.run, ...named].join("-").replace(/[^A-Za-z0-9.-]+/g, "_") +
      ending;
    made.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
    status.textContent = "Saved as " + made.download + ".";
  }

  button("Download table (CSV)", () => offer(csv(made), "text/csv;charset=utf-8", ".csv"));
  button("Download figure (SVG)", () =>
    offer(explore.draw.file(made, location.href), "image/svg+xml", ".svg"));
  // No link: the theme's script takes every address after # for the name of a heading.
  button("Copy link to this view", function () {
    const copied = () => (status.textContent = "The address of this view was copied.");
    const kept = () => (status.textContent = "The address of this view is in the address bar.");
    if (navigator.clipboard) navigator.clipboard.writeText(location.href).then(copied, kept);
    else kept();
  });

  function openFinding(key) {
    const row = made.rows.find((one) => one.key === key);
    const { finding } = row;
    if (!cellOf(index, { who: finding.who, what: finding.instrument, arm: finding.arm })) {
      status.textContent = `${row.label}: no pairs of it are kept here. ` +
        [finding.method, finding.note].filter(Boolean).join(". ");
      return;
    }
    change({ ...cleared, view: "options", who: [finding.who], what: finding.instrument,
      arm: finding.arm, measure: "", pivot: "" });
  }

  const open = function (key, of) {
    if (state.view === "findings") openFinding(key);
    else change({ item: key, pair: "", of: of || "" }, "behind");
  };
  const figure = explore.figure(figureBox, open);
  const table = explore.table(tableBox, open);
  const behind = explore.behind(behindBox, change);
  root.replaceChildren(form, armText, bar, status, figureBox, keys, tableBox, behindBox);
  update({ push: false, first: true });
})(window.revealedExplore);
