/* Files of the explorer: loaded as scripts, because a folder has no server that could be asked.

   Every data file is one call of `receive` with its name and content. Names are ours; all that
   strangers wrote are values in lists. */
"use strict";

window.revealedExplore = (function () {
  const held = new Map();
  const pending = new Map();
  let folder = "";

  function receive(name, content) {
    held.set(name, content);
  }

  /** The content of a file, as a promise; a file that cannot be had can be asked for again. */
  function load(name) {
    if (held.has(name)) return Promise.resolve(held.get(name));
    if (pending.has(name)) return pending.get(name);
    const promise = new Promise(function (resolve, reject) {
      const script = document.createElement("script");
      const done = function (error) {
        pending.delete(name);
        script.remove();
        if (error) reject(error);
        else resolve(held.get(name));
      };
      script.onload = function () {
        done(held.has(name) ? null : new Error(name + ".js is not a file of this page."));
      };
      script.onerror = function () {
        done(new Error(name + ".js could not be loaded."));
      };
      script.src = folder + "/" + name.split("/").map(encodeURIComponent).join("/") + ".js";
      document.head.append(script);
    });
    pending.set(name, promise);
    return promise;
  }

  /** Standard errors of differences as a function of two places. */
  function differences(content, count) {
    const bytes = atob(content.se);
    return function (i, j) {
      if (i === j) return 0;
      const low = Math.min(i, j);
      const high = Math.max(i, j);
      const place = 2 * (low * count - (low * (low + 1)) / 2 + (high - low - 1));
      const code = bytes.charCodeAt(place) + 256 * bytes.charCodeAt(place + 1);
      return code === 65535 ? null : code * content.scale;
    };
  }

  /** The rate of good i against good j, turned around where the file has only j against i. */
  function rate(content, i, j) {
    const count = content.goods.length;
    const low = Math.min(i, j);
    const high = Math.max(i, j);
    const k = low * count - (low * (low + 1)) / 2 + (high - low - 1);
    const found = {
      value: content.rate[k], low: content.low[k], high: content.high[k], bound: content.bound[k],
    };
    if (i < j) return found;
    const inverse = (x) => (x === null || x === 0 ? null : 1 / x);
    return {
      value: inverse(found.value),
      low: inverse(found.high),
      high: inverse(found.low),
      bound: { ">": "<", "<": ">" }[found.bound] || found.bound,
    };
  }

  return {
    receive, load, differences, rate,
    has: (name) => held.has(name),
    get: (name) => held.get(name),
    from: function (address) {
      folder = address;
    },
  };
})();
