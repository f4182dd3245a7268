// A person's answers about recourses, in the form that the acceptance job reads: one row per case with an answer.
const feedback = document.getElementById("feedback");
const cases = [...document.querySelectorAll("[data-case]")];
for (const [number, card] of cases.entries()) {
  const answers = document.getElementById("answers").content.cloneNode(true);
  for (const scale of answers.querySelectorAll("[data-scale]")) {
    for (const point of scale.querySelectorAll("input")) point.name = `${scale.dataset.scale}-${number}`;
  }
  card.querySelector("[data-answers]").replaceChildren(answers);
}
const answersOf = (card) => {
  const chosen = (name) => card.querySelector(`[data-scale="${name}"] input:checked`)?.value ?? "";
  const impossible = [...card.querySelectorAll("[data-impossible]:checked")].map((box) => box.value);
  const [accept, act, decision] = ["accept", "act", "decision"].map(chosen);
  const comment = card.querySelector("[data-comment]").value.trim();
  const isRated = accept !== "" && act !== "";
  return {
    isIncomplete: (accept !== "" || act !== "") && !isRated,
    isAnswered: isRated || decision !== "" || impossible.length > 0,
    cells: [card.dataset.case, feedback.dataset.person, isRated ? accept : "", isRated ? act : "",
      impossible.length > 0 ? JSON.stringify(impossible) : "", decision, comment],
  };
};
const say = (...sentences) => { feedback.querySelector("[role=status]").textContent = sentences.join(" "); };
const counted = () => {
  const all = cases.map(answersOf), incomplete = all.filter((one) => one.isIncomplete).length;
  const rows = all.filter((one) => one.isAnswered).map((one) => one.cells);
  const sentences = [feedback.dataset.answered.replace("{n}", rows.length)];
  if (incomplete > 0) sentences.push(feedback.dataset.incomplete.replace("{n}", incomplete));
  return {rows, sentences};
};
// Cells that hold nothing stay unquoted, so that they are read as missing.
const quoted = (text) => text === "" ? "" : `"${text.replaceAll('"', '""')}"`;
const csv = (rows) => [
  ["case_id", "person_id", "accept", "act", "impossible_features", "decision", "comment"], ...rows,
].map((cells) => cells.map(quoted).join(",") + "\n").join("");
const download = (rows) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv(rows)], {type: "text/csv"}));
  link.download = "feedback.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};
// Why the answers did not arrive at an address; empty where they did.
const send = async (url, rows) => {
  try {
    const answer = await fetch(url, {
      method: "POST", body: csv(rows), headers: {"Content-Type": "text/csv; charset=utf-8"}, credentials: "omit",
      referrerPolicy: "no-referrer", signal: AbortSignal.timeout(20000),
    });
    return answer.ok ? "" : `HTTP ${answer.status}`;
  } catch {
    return feedback.dataset.noAnswer;
  }
};
if (feedback) {
  document.getElementById("plans").addEventListener("input", () => say(...counted().sentences));
  feedback.querySelector("[data-download]").addEventListener("click", () => {
    const {rows, sentences} = counted();
    if (rows.length === 0) return say(feedback.dataset.none, ...sentences.slice(1));
    download(rows);
    say(feedback.dataset.downloaded, ...sentences);
  });
  feedback.querySelector("[data-send]")?.addEventListener("click", async (event) => {
    const {rows, sentences} = counted();
    if (rows.length === 0) return say(feedback.dataset.none, ...sentences.slice(1));
    event.target.disabled = true;
    const why = await send(event.target.dataset.send, rows);
    event.target.disabled = false;
    if (why) download(rows);
    say(why ? feedback.dataset.notSent.replace("{why}", why) : feedback.dataset.sent, ...sentences);
  });
}
