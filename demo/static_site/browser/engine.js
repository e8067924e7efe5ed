/**
 * The engine of the page as a static site: the model runs in this browser. It replaces the engine that asks the service,
 * and has the same interface.
 */

import { env, InferenceSession, Tensor } from "./onnxruntime.js";
import { calibrate, servedScale } from "./calibration.js";
import { reasons } from "./reasons.js";
import { contributions, readTrees } from "./tree_shap.js";
import { clip, problem } from "./values.js";

export const MAX_ROWS = 1_000;
const [UNREACHABLE, WRONG_VALUES, NEVER] = [0, 422, 400]; // as the statuses of HTTP: the page tries the first again

export class EngineError extends Error {
  constructor(message, { status = UNREACHABLE, errors = [] } = {}) {
    super(message);
    Object.assign(this, { status, errors, retryAfterSeconds: null });
  }
}

const facts = once(async () => {
  const found = await (await read("model.json")).json();
  const codes = Object.fromEntries(Object.entries(found.codes).map(([name, levels]) => [name, new Map(Object.entries(levels))]));
  return { ...found, codes, trees: readTrees(found.trees) };
});
const session = once(async () => {
  const { graph } = await facts();
  const content = await (await read(graph)).arrayBuffer();
  env.wasm.numThreads = 1; // threads need headers that static hosts do not send
  env.wasm.wasmPaths = { wasm: beside("onnxruntime.wasm").href };
  return InferenceSession.create(content).catch(cannotRun);
});

export async function describe() {
  const { contract, model, links } = await facts();
  session().catch(() => {}); // it is opened while the page is drawn; a prediction tells what went wrong
  return { contract, model, problem: null, links, note: "The model runs in your browser; nothing is sent." };
}

export async function predict(given, { explain = false, signal } = {}) {
  await new Promise((resolve) => setTimeout(resolve)); // lets the browser draw the page between two batches
  signal?.throwIfAborted();
  const known = await facts();
  const { features } = known.contract;
  const customers = given.map((customer) => clip(features, customer));
  check(known, given);
  const rows = customers.map((customer) => encode(known, customer));
  const probabilities = await score(rows);
  signal?.throwIfAborted();
  return customers.map((customer, at) => ({
    ...decide(known.model, calibrate(known.calibration, probabilities[at])),
    ...(explain && { explanation: explained(known, customer, rows[at]) }),
  }));
}

export function setKey() {} // a static host asks for none

export async function load(href) {
  return (await fetch(href)).blob();
}

function check({ contract: { features }, codes }, customers) {
  const isNew = ({ name, unseen }, value) => unseen === "refused" && typeof value === "string" && !codes[name].has(value);
  const errors = customers.flatMap((customer, at) =>
    features.flatMap((feature) => {
      const value = customer[feature.name];
      const message = problem(feature, value, customer) ?? (isNew(feature, value) ? "never seen in training" : null);
      return message ? [{ path: `customers.${at}.${feature.name}`, message }] : [];
    }),
  );
  if (errors.length) throw new EngineError("A value is not valid.", { status: WRONG_VALUES, errors });
}

/** Return the customer as a row of the matrix: categories one-hot, unknown numbers and levels as NaN. */
function encode({ contract: { features }, codes }, customer) {
  const numbers = features.flatMap(({ name, kind, categories }) => {
    const value = customer[name] ?? null;
    if (kind === "open_category") return codes[name].get(value) ?? NaN;
    return kind === "category" ? categories.map((category) => Number(category === value)) : Number(value ?? NaN);
  });
  return Float32Array.from(numbers);
}

/** Return the probability of each row before calibration. */
async function score(rows) {
  if (!rows.length) return [];
  const width = rows[0].length;
  const matrix = new Float32Array(rows.length * width);
  rows.forEach((row, at) => matrix.set(row, at * width));
  const running = await session();
  const given = { [running.inputNames[0]]: new Tensor("float32", matrix, [rows.length, width]) };
  const { probabilities } = await running.run(given, ["probabilities"]).catch(cannotRun);
  return rows.map((_, at) => probabilities.data[2 * at + 1]); // of two classes
}

function decide({ version, decision_threshold, tiers }, probability) {
  return {
    churn_probability: probability,
    churn_prediction: probability >= decision_threshold,
    risk_tier: tiers.findLast((tier) => probability >= tier.lower_bound).tier,
    model_version: version,
  };
}

function explained({ contract: { features }, trees, base_value, calibration, ...known }, customer, row) {
  const ofColumns = contributions(trees, row);
  let column = 0;
  const ofTrees = features.map(({ kind, categories }) => {
    const from = column;
    column += kind === "category" ? categories.length : 1;
    return sum(ofColumns.subarray(from, column));
  });
  const raw = base_value + sum(ofTrees);
  const { base, factor } = servedScale(calibration, base_value, raw);
  const ofFeatures = ofTrees.map((contribution) => factor * contribution);
  const served = base + sum(ofFeatures);
  return {
    base_value: base,
    contributions: Object.fromEntries(features.map(({ name }, at) => [name, ofFeatures[at]])),
    score: served,
    raw_score: raw,
    reasons: reasons(known.reasons, features, customer, ofFeatures, served),
  };
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** Return a function that does the work at its first call, and again after a failure. */
function once(work) {
  let running = null;
  return () =>
    (running ??= work().catch((error) => {
      running = null;
      throw error;
    }));
}

function beside(path) {
  return new URL(path, import.meta.url);
}

async function read(path) {
  const answer = await fetch(beside(path)).catch(() => null);
  if (!answer?.ok) throw new EngineError(`${path} cannot be read. Is the host reachable?`);
  return answer;
}

function cannotRun(error) {
  throw new EngineError(`The model cannot run in this browser: ${error.message}`, { status: NEVER });
}
