"use strict";
// Sentences of steps repeat each other: the page has each phrase once, and names them by number, the sentence first.
const phrases = document.getElementById("phrases");
for (const step of document.querySelectorAll("[data-says]")) {
  const [sentence, ...said] = step.dataset.says.split(" ").map((number) => phrases.children[number].textContent);
  step.textContent = sentence.replace("{text}", () => said.join(phrases.dataset.between));
}
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
// Tables that are wider than the window are scrolled by keyboard as well; others are no stop on its way.
const reach = new ResizeObserver((changed) => {
  for (const {target} of changed) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
for (const region of document.querySelectorAll(".scroll")) {
  const name = (region.querySelector("caption") ?? region.previousElementSibling)?.textContent;
  if (name && !region.role) [region.role, region.ariaLabel] = ["group", name];
  reach.observe(region);
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
// An order of cards, by a number or a text that each has.
for (const chosen of document.querySelectorAll("[data-sorts]")) {
  const list = document.getElementById(chosen.dataset.sorts), first = [...list.children];
  chosen.addEventListener("change", () => {
    const value = (entry) => entry.dataset[chosen.value];
    const compare = (one, other) => value(one).localeCompare(value(other), document.documentElement.lang);
    const byNumber = (one, other) => Number(value(one)) - Number(value(other));
    list.append(...[...first].sort(chosen.value === "title" ? compare : byNumber));
  });
}
