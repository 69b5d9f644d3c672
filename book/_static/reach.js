/* What a keyboard must reach: boxes that scroll, and the button that prints. */
for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => window.print());
}

const SCROLLS = ".rv-scroll, .rv-answer, .rv-chain, pre, [data-formula='display'], .bd-article table";

function reachable() {
  for (const box of document.querySelectorAll(SCROLLS)) {
    const inner = box.querySelector(".katex-display") || box;
    const over = inner.scrollWidth > inner.clientWidth + 1 || inner.scrollHeight > inner.clientHeight + 1;
    const style = getComputedStyle(inner);
    if (over && (style.overflowX !== "visible" || style.overflowY !== "visible")) {
      inner.tabIndex = 0;
    }
  }
}

reachable();
window.addEventListener("load", reachable);
window.addEventListener("resize", reachable);
document.addEventListener("toggle", reachable, true);
