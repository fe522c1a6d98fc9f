"use strict";
// Draws the charts, and draws them again when the reader's colour scheme changes.
(() => {
  const config = { responsive: true, displayModeBar: false };
  const boxes = Array.from(document.querySelectorAll("[data-figure]"));

  // A figure names its colours as var(--name); this puts in what the style sheet says they are.
  const filled = (value, style) => {
    if (typeof value === "string") {
      return /^var\(--[a-z]+\)$/.test(value)
        ? style.getPropertyValue(value.slice(4, -1)).trim()
        : value;
    }
    if (Array.isArray(value)) return value.map((part) => filled(part, style));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) => [key, filled(part, style)])
    );
  };

  const draw = (box) => {
    const source = document.getElementById(box.dataset.figure).textContent;
    const figure = filled(JSON.parse(source), getComputedStyle(document.documentElement));
    figure.layout.uirevision = "kept";
    // A finger on a chart scrolls the page; only a mouse drags a zoom.
    if (matchMedia("(pointer: coarse)").matches) figure.layout.dragmode = false;
    return Plotly.react(box, figure.data, figure.layout, config);
  };

  const drawAll = async () => {
    for (const box of boxes) {
      await draw(box);
      box.dataset.drawn = "yes";
    }
  };

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  drawAll();
})();
