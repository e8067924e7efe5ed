/** Scores the rows of a CSV text in batches. Nothing here touches the page. */

import { delimiterOf, format, hasDecimalComma, parse, TableError } from "./csv.js";
import { isNumber, problem, read } from "./values.js";

const ADDED = ["churn_probability", "churn_prediction", "risk_tier", "model_version"];
const MAX_BYTES = 30_000_000;
const LONGEST_WAIT_SECONDS = 120;
/** After so many rows the page may draw, and notice the next click. */
const SLICE_ROWS = 5_000;

/** Read a file as text. */
export async function textOf(file) {
  checkSize(file.size);
  const bytes = await file.arrayBuffer().catch(() => {
    throw new TableError(`${file.name} cannot be read. Choose it again.`);
  });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new TableError(`${file.name} is not in UTF-8. Save it as CSV UTF-8.`);
  }
}

function checkSize(bytes) {
  if (bytes <= MAX_BYTES) return;
  throw new TableError("This is more than 30 MB. Score it with: python -m training score customers.csv scored.csv");
}

/** Read a text as customers. Rows are numbered from 1, without the first line. */
export async function open(text, features, signal) {
  checkSize(text.length);
  const delimiter = delimiterOf(text);
  const lines = parse(text, delimiter);
  const header = (lines.next().value ?? []).map((name) => name.trim());
  const names = features.map((feature) => feature.name);
  const missing = names.filter((name) => !header.includes(name));
  const twice = names.filter((name) => header.indexOf(name) !== header.lastIndexOf(name));
  const taken = ADDED.filter((name) => header.includes(name));
  if (missing.length) throw new TableError(`The first line does not name these columns: ${missing.join(", ")}.`);
  if (twice.length) throw new TableError(`The first line names these columns twice: ${twice.join(", ")}.`);
  if (taken.length) throw new TableError(`The table already has these columns: ${taken.join(", ")}. Rename them.`);
  const rows = [];
  for (const cells of lines) {
    rows.push(rowOf(cells, rows.length + 1, { delimiter, header }, features));
    if (rows.length % SLICE_ROWS === 0) await sleep(0, signal);
  }
  if (!rows.length) throw new TableError("There are no rows after the first line.");
  return { delimiter, header: [...header, ...ADDED], rows };
}

function rowOf(cells, number, { delimiter, header }, features) {
  if (cells.length !== header.length) {
    const reason = `has ${cells.length} cells, and the first line has ${header.length}`;
    return { number, cells, problems: [{ field: "row", reason }] };
  }
  const at = (name) => cells[header.indexOf(name)];
  const written = (feature) => {
    const cell = at(feature.name);
    return isNumber(feature) && hasDecimalComma(cell, delimiter) ? cell.replace(",", ".") : cell;
  };
  const customer = Object.fromEntries(features.map((feature) => [feature.name, read(feature, written(feature))]));
  const problems = features.flatMap((feature) => {
    const reason = problem(feature, customer[feature.name], customer);
    return reason ? [{ field: feature.name, reason: reason === "missing" ? reason : `${reason}: ${at(feature.name)}` }] : [];
  });
  return { number, cells, customer, problems };
}

/** Predict all valid rows; each gets a `prediction`, or else `problems`. `progress(done, all, waitSeconds)` is called. */
export async function score(rows, predict, { batchRows, signal, progress }) {
  const valid = rows.filter((row) => !row.problems.length);
  for (let done = 0; done < valid.length; ) {
    progress(done, valid.length, 0);
    const batch = valid.slice(done, done + batchRows);
    await scoreBatch(batch, predict, signal, (wait) => progress(done, valid.length, wait));
    done += batch.length;
  }
  progress(valid.length, valid.length, 0);
}

async function scoreBatch(batch, predict, signal, waiting) {
  for (let left = batch; left.length; left = left.filter((row) => !row.problems.length)) {
    signal.throwIfAborted();
    try {
      const predictions = await predict(left.map((row) => row.customer), { signal });
      signal.throwIfAborted();
      left.forEach((row, at) => (row.prediction = predictions[at]));
      return;
    } catch (error) {
      if (error.retryAfterSeconds && error.retryAfterSeconds <= LONGEST_WAIT_SECONDS) {
        waiting(error.retryAfterSeconds);
        await sleep(error.retryAfterSeconds, signal);
      } else if (!refuse(left, error.errors ?? [])) throw error;
    }
  }
}

/** Give the rows that an error names their problems; return whether it names any. */
function refuse(rows, errors) {
  const named = errors.map(({ path, message }) => [/^customers\.(\d+)\.?(.*)$/.exec(path), message]).filter(([found]) => found);
  for (const [[, at, field], reason] of named) rows[Number(at)].problems.push({ field: field || "row", reason });
  return named.length > 0;
}

/** Write the scored rows as a CSV file: all their cells, and the prediction. */
export async function write({ delimiter, header, rows }, signal) {
  const parts = [format([header], delimiter)];
  for (let at = 0; at < rows.length; at += SLICE_ROWS) {
    const scored = rows.slice(at, at + SLICE_ROWS).filter((row) => row.prediction);
    parts.push(format(scored.map(cellsOf), delimiter));
    await sleep(0, signal);
  }
  return new Blob(parts, { type: "text/csv" });
}

export function cellsOf({ cells, prediction }) {
  return [...cells, ...ADDED.map((name) => prediction[name])];
}

function sleep(seconds, signal) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(resolve, 1000 * seconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
