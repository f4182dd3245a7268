"use strict";
// A slider that shows one step of a plan at a time.
for (const slider of document.querySelectorAll("[data-steps]")) {
  const steps = document.getElementById(slider.dataset.steps).children;
  const show = () => {
    for (const [n, step] of [...steps].entries()) step.hidden = n !== Number(slider.value);
    slider.setAttribute("aria-valuetext", steps[Number(slider.value)].textContent.trim());
  };
  slider.addEventListener("input", show);
  show();
}
// A search that leaves the rows and cards that hold its words.
for (const search of document.querySelectorAll("[data-filters]")) {
  const entries = document.getElementById(search.dataset.filters).querySelectorAll("[data-entry]");
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/);
    for (const entry of entries) {
      const text = entry.textContent.toLowerCase();
      entry.hidden = !words.every((word) => text.includes(word));
    }
  });
}
// Feedback in the form that the acceptance job reads.
const quoted = (text) => `"${String(text).replaceAll('"', '""')}"`;
for (const button of document.querySelectorAll("[data-feedback]")) {
  button.addEventListener("click", () => {
    const rows = ["case_id,person_id,accept,act,impossible_features"];
    for (const card of document.querySelectorAll("[data-case]")) {
      const chosen = (name) => card.querySelector(`[data-scale="${name}"] input:checked`)?.value;
      if (!chosen("accept") || !chosen("act")) continue;
      const impossible = [...card.querySelectorAll("[data-impossible]:checked")].map((box) => box.value);
      const cells = [card.dataset.case, button.dataset.feedback, chosen("accept"), chosen("act"),
        JSON.stringify(impossible)];
      rows.push(cells.map(quoted).join(","));
    }
    const status = document.getElementById("feedback-status");
    status.textContent = status.dataset.text.replace("{n}", rows.length - 1);
    if (rows.length === 1) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([rows.join("\n") + "\n"], {type: "text/csv"}));
    link.download = "feedback.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  });
}
