// Narrows a page to what holds the typed words. Without script the page is whole, and the browser's own search works.
"use strict";
for (const place of document.querySelectorAll(".find")) {
  const rows = document.querySelectorAll("[data-find]");
  const input = document.createElement("input");
  const count = document.createElement("output");
  input.type = "search";
  input.placeholder = input.ariaLabel = place.dataset.hint;
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.dataset.find.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    for (const group of document.querySelectorAll("[data-group]"))
      group.hidden = !group.querySelector("[data-find]:not([hidden])");
    count.textContent = words.length ? `${shown} / ${rows.length}` : "";
  });
  place.append(input, count);
}
