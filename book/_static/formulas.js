/* Draws what Sphinx marked as a formula, and nothing else: no text of a page is searched for one. */
for (const place of document.querySelectorAll("[data-formula]")) {
  katex.render(place.textContent, place, {
    displayMode: place.dataset.formula === "display",
    throwOnError: false,
    strict: "ignore",
  });
}
