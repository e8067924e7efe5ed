/** The part of the page that scores a file: dropped, chosen or pasted. */

import { chance } from "./answer.js";
import { format, TableError } from "./csv.js";
import { byId, element, tell } from "./dom.js";
import { cellsOf, open, score, textOf, write } from "./scoring.js";

const PREVIEW_ROWS = 10;
const LISTED_ROWS = 100;
const LISTED_COLUMNS = 24;
/** A longer text makes the page slow. */
const SHOWN_CHARACTERS = 100_000;

/** Make the part work; `failed` is told of errors of the engine, and `example()` gives customers. */
export function start(features, engine, { failed, example }) {
  const [text, stop] = [byId("file-text"), byId("file-stop")];
  let name = "customers.csv";
  let running = new AbortController();
  const listed = features.slice(0, LISTED_COLUMNS).flatMap((feature, at) => [at ? ", " : "", element("code", {}, feature.name)]);
  const more = features.length - LISTED_COLUMNS;
  tell("columns", ...listed, ...(more > 0 ? [` and ${more} more, which the example has`] : []));

  /** Score a file, or the pasted rows without one. */
  async function run(file) {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    byId("file-result").hidden = true;
    byId("file-progress").hidden = stop.hidden = false;
    byId("file-progress").removeAttribute("value");
    tell("file-status", "The rows are being read.");
    try {
      const source = file ? await textOf(file) : text.value;
      signal.throwIfAborted();
      if (file) [name, text.value] = [file.name, source.length > SHOWN_CHARACTERS ? "" : source];
      const table = await open(source, features, signal);
      await score(table.rows, engine.predict, { batchRows: engine.MAX_ROWS, signal, progress });
      show(table, await write(table, signal), name);
    } catch (error) {
      if (running.signal !== signal) return; // the status is that of the next run
      if (signal.aborted) tell("file-status", "Stopped.");
      else if (error instanceof TableError) tell("file-status", error.message);
      else tell("file-status", failed(error));
    } finally {
      if (running.signal === signal) byId("file-progress").hidden = stop.hidden = true;
    }
  }

  const card = byId("file");
  const over = (isOver) => (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    card.classList.toggle("is-over", isOver);
  };
  card.addEventListener("dragover", over(true));
  card.addEventListener("dragleave", over(false));
  card.addEventListener("drop", (event) => {
    over(false)(event);
    const [dropped] = event.dataTransfer.files;
    if (dropped) run(dropped);
  });
  byId("file-input").addEventListener("change", ({ target }) => {
    const [chosen] = target.files;
    target.value = ""; // so that the same file can be chosen again
    if (chosen) run(chosen);
  });
  byId("file-score").addEventListener("click", () => run());
  stop.addEventListener("click", () => running.abort());
  byId("file-example").addEventListener("click", () => {
    name = "customers.csv";
    const names = features.map((feature) => feature.name);
    text.value = format([names, ...example().map((customer) => names.map((each) => customer[each] ?? ""))], ",");
    text.focus();
  });
}

function progress(done, all, waitSeconds) {
  const bar = byId("file-progress");
  [bar.max, bar.value] = [Math.max(1, all), done];
  const wait = waitSeconds ? ` The service asks to wait ${waitSeconds} s.` : "";
  tell("file-status", `${done.toLocaleString("en")} of ${all.toLocaleString("en")} rows are scored.${wait}`);
}

function show(table, file, name) {
  const scored = table.rows.filter((row) => row.prediction);
  const rejected = table.rows.filter((row) => row.problems.length);
  const tiers = ["high", "medium", "low"].map((tier) => [scored.filter((row) => row.prediction.risk_tier === tier).length, tier]);
  const counts = tiers.map(([rows, tier]) => `${rows.toLocaleString("en")} ${tier} risk`).join(", ");
  tell("file-status", `${rowsOf(scored.length)} scored: ${counts}.${rejected.length ? ` ${rowsOf(rejected.length)} rejected.` : ""}`);
  const link = byId("file-download");
  URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(file);
  link.download = name.replace(/(\.\w+)?$/, ".scored.csv");
  link.parentElement.hidden = !scored.length;
  const shown = scored.slice(0, PREVIEW_ROWS).map((row) => ({ ...row, cells: cellsOf(row).map(String) }));
  const width = table.header.length;
  fill("preview", ["row", ...table.header.slice(width - 4, width - 1), ...table.header.slice(0, width - 4)], shown.map(previewOf));
  byId("rejected").hidden = !rejected.length;
  const more = rejected.length > LISTED_ROWS ? ` (the first ${LISTED_ROWS} of ${rejected.length.toLocaleString("en")})` : "";
  tell("rejected-title", `Rejected rows${more}`);
  const reasons = rejected.slice(0, LISTED_ROWS).flatMap((row) => row.problems.map(({ field, reason }) => [String(row.number), field, reason]));
  fill("rejected-rows", ["row", "field", "reason"], reasons);
  byId("file-result").hidden = false;
}

function previewOf({ number, cells, prediction }) {
  const tier = element("span", { class: `tier ${prediction.risk_tier}` }, prediction.risk_tier);
  const decision = prediction.churn_prediction ? "leaves" : "stays";
  return [String(number), `${chance(prediction.churn_probability)}%`, decision, tier, ...cells.slice(0, -4)];
}

const rowsOf = (rows) => `${rows.toLocaleString("en")} ${rows === 1 ? "row" : "rows"}`;

function fill(id, names, rows) {
  const head = element("tr", {}, ...names.map((name) => element("th", { scope: "col" }, name)));
  const body = rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, cell))));
  tell(id, element("thead", {}, head), element("tbody", {}, ...body));
}
