// A questionnaire: one step after the other, each only once the one before is answered.
const study = document.getElementById("study"), bar = document.getElementById("feedback");
const steps = [...study.querySelectorAll("[data-step]")];
const chosen = (step, name) => step.querySelector(`[data-scale="${name}"] input:checked`)?.value ?? "";
const lacks = (step) => [...step.querySelectorAll("[data-scale]")].some((one) => !one.querySelector("input:checked"));
const show = (number) => {
  for (const [n, step] of steps.entries()) step.hidden = n !== number;
  steps[number].querySelector("h2").focus();
};
for (const [n, step] of steps.entries()) {
  const missing = step.querySelector("[role=alert]");
  step.querySelector("[data-next]")?.addEventListener("click", () => {
    missing.hidden = !(lacks(step) || step.querySelector("[data-agree]:not(:checked)"));
    if (missing.hidden) show(n + 1);
  });
  step.querySelector("[data-back]")?.addEventListener("click", () => show(n - 1));
}
const plans = steps.filter((step) => step.dataset.case);
const rows = () => {
  const checked = plans.find((plan) => plan.querySelector("[data-wanted]"));
  const attention = chosen(checked, "attention") === checked.querySelector("[data-wanted]").dataset.wanted;
  return plans.map((plan) => ({
    case_id: plan.dataset.case, person_id: study.dataset.person, accept: chosen(plan, "accept"),
    act: chosen(plan, "act"), comment: plan.querySelector("[data-comment]").value.trim(),
    impossible_features: listed([...plan.querySelectorAll("[data-impossible]:checked")].map((box) => box.value)),
    attention: attention ? "passed" : "failed",
  }));
};
deliver(bar, `feedback-${study.dataset.person}.csv`, rows, () => []);
