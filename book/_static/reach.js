/* What a keyboard must reach: boxes that scroll, and the button that prints. On paper: the colors of
   the day, and what opens on demand is open. */
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

const page = document.documentElement;
let before = null;

function toPaper() {
  if (before) return;
  const folded = ":is(.rv-fold, .rv-sheet, .rv-claim details):not([open])";
  const closed = [...document.querySelectorAll(folded)];
  before = {theme: page.dataset.theme, closed};
  page.dataset.theme = "light";
  for (const part of closed) part.open = true;
}

function toScreen() {
  if (!before) return;
  page.dataset.theme = before.theme;
  for (const part of before.closed) part.open = false;
  before = null;
}

window.addEventListener("beforeprint", toPaper);
window.addEventListener("afterprint", toScreen);
const printed = window.matchMedia("print");
printed.addEventListener("change", () => (printed.matches ? toPaper() : toScreen()));
