/* A field that finds one of many names while one types: the pattern "editable combobox with list
   autocomplete" of the WAI-ARIA authoring practices. A select of 5,000 options cannot be searched. */
"use strict";

(function (explore) {
  const MOST = 50; // shown at once; typing finds the others

  /** Build into `field`; `choose` is called with a key, or "" where the field was emptied. */
  explore.combobox = function (field, list, choose) {
    let options = []; // [key, label]
    let found = [];
    let active = -1;
    let current = "";

    const labelOf = (key) => (options.find((one) => one[0] === key) || ["", ""])[1];

    function close() {
      list.hidden = true;
      field.setAttribute("aria-expanded", "false");
      field.removeAttribute("aria-activedescendant");
      active = -1;
    }

    function mark(place) {
      active = place;
      [...list.children].forEach(function (one, k) {
        one.setAttribute("aria-selected", String(k === active));
        if (k === active) one.scrollIntoView({ block: "nearest" });
      });
      if (active >= 0) field.setAttribute("aria-activedescendant", list.id + "-" + active);
      else field.removeAttribute("aria-activedescendant");
    }

    function open() {
      const words = field.value === labelOf(current) ? [] :
        field.value.toLowerCase().split(/\s+/).filter(Boolean);
      found = [];
      for (const one of options) {
        const label = one[1].toLowerCase();
        if (words.every((word) => label.includes(word))) found.push(one);
        if (found.length === MOST) break;
      }
      list.replaceChildren(
        ...found.map(function (one, k) {
          const item = document.createElement("li");
          item.id = list.id + "-" + k;
          item.setAttribute("role", "option");
          item.textContent = one[1];
          item.addEventListener("mousedown", function (event) {
            event.preventDefault(); // the field keeps the focus
            take(k);
          });
          return item;
        })
      );
      if (!found.length) {
        const none = document.createElement("li");
        none.textContent = "Nothing of that name.";
        none.setAttribute("role", "option");
        none.setAttribute("aria-disabled", "true");
        list.append(none);
      }
      list.hidden = false;
      field.setAttribute("aria-expanded", "true");
      mark(-1);
    }

    function take(place) {
      current = found[place][0];
      field.value = found[place][1];
      close();
      choose(current);
    }

    field.addEventListener("input", open);
    field.addEventListener("click", open);
    field.addEventListener("keydown", function (event) {
      const down = event.key === "ArrowDown";
      if (down || event.key === "ArrowUp") {
        event.preventDefault();
        if (list.hidden) open();
        else if (found.length) mark((active + (down ? 1 : found.length - 1)) % found.length);
        if (active < 0 && found.length) mark(down ? 0 : found.length - 1);
      } else if (event.key === "Enter") {
        event.preventDefault();
        if (!list.hidden && active >= 0) take(active);
        else if (!list.hidden && found.length === 1) take(0);
      } else if (event.key === "Escape") {
        field.value = labelOf(current);
        close();
      }
    });
    field.addEventListener("blur", function () {
      close();
      if (!field.value.trim() && current) {
        current = "";
        choose("");
      } else field.value = labelOf(current);
    });

    return {
      set: function (names, key) {
        options = names;
        current = key;
        if (document.activeElement !== field || list.hidden) field.value = labelOf(key);
      },
    };
  };
})(window.revealedExplore);
