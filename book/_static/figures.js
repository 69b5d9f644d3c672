/* A figure can be kept: as the file that a program draws on white, the mark of simulation in it. */
const figures = document.querySelectorAll("figure.rv-figure");

figures.forEach((figure, number) => {
  const drawing = figure.querySelector("svg");
  const caption = figure.querySelector("figcaption");
  if (!drawing || !caption) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "rv-save";
  button.textContent = "Save";
  button.setAttribute("aria-label", `Save figure ${number + 1} as SVG`);
  button.addEventListener("click", () => {
    const text = new XMLSerializer().serializeToString(drawing);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], {type: "image/svg+xml"}));
    const page = location.pathname.split("/").pop().replace(/\.html$/, "") || "figure";
    link.download = `${page}-${number + 1}.svg`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  caption.append(" ", button);
});
