// What a seller says about the plans on a card: one row per plan with an answer. What a person answers for each plan is made
// here, as a page that holds it all is half as large again.
const feedback = document.getElementById("feedback");
const cases = [...document.querySelectorAll("[data-case]")];
for (const [number, card] of cases.entries()) {
  const answers = document.getElementById("answers").content.cloneNode(true);
  for (const scale of answers.querySelectorAll("[data-scale]")) {
    for (const point of scale.querySelectorAll("input")) point.name = `${scale.dataset.scale}-${number}`;
  }
  card.querySelector("[data-answers]").replaceChildren(answers);
  for (const cell of card.querySelectorAll("[data-feature]")) {
    const box = Object.assign(document.createElement("input"), {type: "checkbox", value: cell.dataset.feature});
    box.dataset.impossible = "";
    box.ariaLabel = `${feedback.dataset.cannot}: ${cell.parentElement.firstElementChild.textContent}`;
    cell.append(box);
  }
}
const answersOf = (card) => {
  const chosen = (name) => card.querySelector(`[data-scale="${name}"] input:checked`)?.value ?? "";
  const impossible = [...card.querySelectorAll("[data-impossible]:checked")].map((box) => box.value);
  const [accept, act, decision] = ["accept", "act", "decision"].map(chosen);
  const isRated = accept !== "" && act !== "";
  return {
    isIncomplete: (accept !== "" || act !== "") && !isRated,
    isAnswered: isRated || decision !== "" || impossible.length > 0,
    row: {
      case_id: card.dataset.case, person_id: feedback.dataset.person, accept: isRated ? accept : "",
      act: isRated ? act : "", impossible_features: listed(impossible), decision,
      comment: card.querySelector("[data-comment]").value.trim(),
    },
  };
};
if (feedback) {
  const rows = () => cases.map(answersOf).filter((one) => one.isAnswered).map((one) => one.row);
  const sentences = () => {
    const incomplete = cases.map(answersOf).filter((one) => one.isIncomplete).length, said = [];
    if (rows().length > 0) said.push(feedback.dataset.answered.replace("{n}", rows().length));
    if (incomplete > 0) said.push(feedback.dataset.incomplete.replace("{n}", incomplete));
    return said;
  };
  const say = deliver(feedback, "feedback.csv", rows, sentences);
  document.getElementById("plans").addEventListener("input", () => say(...sentences()));
}
