/* What is shown, as plain fields, and as the part of the address after #. */
"use strict";

(function (explore) {
  const DEFAULTS = {
    view: "options", who: [], what: "", arm: "forced", measure: "", pivot: "", category: "",
    q: "", sort: "high", show: "figure", item: "", of: "", pair: "", chapter: "", estimand: "",
  };
  const ALLOWED = {
    view: ["options", "findings"],
    measure: ["", "utility", "rate", "share"],
    sort: ["high", "low", "name", "listed"],
    show: ["figure", "table"],
  };
  const MOST = 4; // respondents side by side: more cannot be told apart

  function write(state) {
    const told = new URLSearchParams();
    for (const name of Object.keys(DEFAULTS)) {
      const value = state[name];
      if (name === "who") value.forEach((one) => told.append("who", one));
      else if (value !== DEFAULTS[name]) told.set(name, value);
    }
    return told.toString();
  }

  /** The state that an address names; what it does not name or names wrongly is as by default. */
  function read(hash) {
    const told = new URLSearchParams(hash.replace(/^#/, ""));
    const state = { ...DEFAULTS, who: [...new Set(told.getAll("who"))].slice(0, MOST) };
    for (const name of Object.keys(DEFAULTS)) {
      if (name === "who" || !told.has(name)) continue;
      const value = told.get(name);
      if (!ALLOWED[name] || ALLOWED[name].includes(value)) state[name] = value;
    }
    return state;
  }

  explore.state = { DEFAULTS, MOST, read, write };
})(window.revealedExplore);
