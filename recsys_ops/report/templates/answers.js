// Answers about recourses as the table that the acceptance job reads: download it, or post it.
const COLUMNS = ["case_id", "person_id", "accept", "act", "impossible_features", "decision", "comment", "attention"];
// Cells that hold nothing stay unquoted, so that they are read as missing.
const quoted = (text) => text === "" ? "" : `"${text.replaceAll('"', '""')}"`;
const csv = (rows) => [COLUMNS, ...rows.map((row) => COLUMNS.map((name) => row[name] ?? ""))]
  .map((cells) => cells.map(quoted).join(",") + "\n").join("");
const listed = (features) => features.length > 0 ? JSON.stringify(features) : "";
const download = (rows, name) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv(rows)], {type: "text/csv"}));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
};
// Why the rows did not arrive at an address; empty where they did.
const send = async (url, rows, noAnswer) => {
  try {
    const answer = await fetch(url, {
      method: "POST", body: csv(rows), headers: {"Content-Type": "text/csv; charset=utf-8"}, credentials: "omit",
      referrerPolicy: "no-referrer", signal: AbortSignal.timeout(20000),
    });
    return answer.ok ? "" : `HTTP ${answer.status}`;
  } catch {
    return noAnswer;
  }
};
// Buttons of a bar that download what rows() gives, or send it and download it where it does not arrive. Whoever leaves
// the page before that is warned.
const deliver = (bar, name, rows, sentences) => {
  let isDelivered = true;
  document.addEventListener("input", (event) => {
    if (event.target.closest("[data-case]") && event.target.type !== "range") isDelivered = false;
  });
  addEventListener("beforeunload", (event) => { if (!isDelivered) event.preventDefault(); });
  const say = (...said) => { bar.querySelector("[role=status]").textContent = said.join(" "); };
  bar.querySelector("[data-download]").addEventListener("click", () => {
    if (rows().length === 0) return say(bar.dataset.none, ...sentences());
    download(rows(), name);
    isDelivered = true;
    say(bar.dataset.downloaded, ...sentences());
  });
  bar.querySelector("[data-send]")?.addEventListener("click", async (event) => {
    if (event.target.ariaDisabled === "true") return;  // a button that is disabled would lose the focus
    if (rows().length === 0) return say(bar.dataset.none, ...sentences());
    event.target.ariaDisabled = "true";
    const why = await send(event.target.dataset.send, rows(), bar.dataset.noAnswer);
    event.target.ariaDisabled = "false";
    if (why) download(rows(), name);
    isDelivered = true;
    say(why ? bar.dataset.notSent.replace("{why}", why) : bar.dataset.sent, ...sentences());
  });
  return say;
};
