/**
 * The one module of the page that talks: it describes the model, and predicts customers. Here it asks the service.
 * Another engine may replace this file, if it exports the same:
 *
 *   describe() -> Promise of {
 *     contract: {features: [{name, kind, nullable, limits, categories, labels, levels, at_least, unit, description, phrase,
 *         example}]}, as in GET /model; kind is "integer", "number", "boolean", "category" or "open_category"; limits has
 *         some of ge, gt, le, lt; levels has the learned levels of an open category with their counts, and may be empty
 *     model: {
 *       version, trained_at,          as in GET /model
 *       ranges: {name: [low, high]},  numbers only: the lowest and the highest value at which the model's answer changes
 *       importance: {name: {gain}},   share of each feature in what the trees' splits gain, for the order of many fields
 *       decision_threshold, tiers, costs,   as in GET /risk-tiers; costs may be null
 *     } or null,                      null if it cannot be told; then `problem` says why
 *     problem: EngineError or null,
 *     links: [{label, href, needsKey}],
 *     note: "One sentence for the foot of the page: what becomes of the values.",
 *   }
 *   predict(customers, {explain, signal}) -> Promise of predictions, in the order of the customers, each as in the answer
 *     of POST /predict/batch: {churn_probability, churn_prediction, risk_tier, model_version,
 *     explanation: {base_value, contributions, score, raw_score, reasons}}; explanation only if explain is true
 *   setKey(text): use an API key from now on; an empty text for none
 *   load(href) -> Promise of a Blob: a link that needs the key
 *   MAX_ROWS: the most customers for one call of predict
 *
 * Everything throws EngineError alone: {message, status, errors: [{path, message}], retryAfterSeconds}.
 *   status is that of HTTP, or 0 if nobody answers; errors names wrong fields of customers as "customers.3.tenure_months".
 */

const TIMEOUT_MS = 20_000;
export const MAX_ROWS = 1_000;

let key = "";

export class EngineError extends Error {
  constructor(message, { status = 0, errors = [], retryAfterSeconds = null } = {}) {
    super(message);
    Object.assign(this, { status, errors, retryAfterSeconds });
  }
}

export function setKey(text) {
  key = text.trim();
}

export async function describe() {
  const contract = await json("page/contract.json");
  const found = { contract, model: null, problem: null, links: links(), note: NOTE };
  try {
    const [model, policy] = await Promise.all([json("model"), json("risk-tiers")]);
    const { version, trained_at, ranges, importance } = model;
    found.model = { version, trained_at, ranges, importance, ...policy };
    found.contract = { features: model.features }; // with the levels that the model has learned
    found.links.unshift(...MODEL_LINKS.map((link) => ({ ...link, needsKey: key !== "" })));
  } catch (error) {
    found.problem = error;
  }
  return found;
}

export async function predict(customers, { explain = false, signal } = {}) {
  const body = JSON.stringify({ customers });
  const headers = { "Content-Type": "application/json" };
  const path = `predict/trial${explain ? "?explain=true" : ""}`;
  return (await json(path, { method: "POST", headers, body, signal })).predictions;
}

export async function load(href) {
  return (await ask(href)).blob();
}

const MODEL_LINKS = [{ label: "Model card", href: "model/card" }, { label: "Model (JSON)", href: "model" }];
const NOTE = "Predictions made on this page are kept out of the prediction log, so they disturb neither drift nor training.";

function links() {
  const found = [{ label: "API", href: "docs", needsKey: false }];
  const { hostname } = globalThis.location;
  // The dashboard asks for no key, so it listens on the machine itself only.
  if (["localhost", "127.0.0.1", "[::1]"].includes(hostname)) {
    found.push({ label: "Dashboard", href: `http://${hostname}:8001/`, needsKey: false });
  }
  return found;
}

async function json(path, options) {
  return (await ask(path, options)).json();
}

async function ask(path, { headers = {}, signal, ...options } = {}) {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  let answer;
  try {
    answer = await fetch(path, {
      ...options,
      headers: key ? { ...headers, "X-API-Key": key } : headers,
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new EngineError("The service does not answer. Is it running?");
  }
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

async function refusal(answer) {
  const problem = await answer.json().catch(() => ({}));
  const wait = Number(answer.headers.get("Retry-After"));
  return new EngineError(problem.detail ?? `The service answered with status ${answer.status}.`, {
    status: answer.status,
    errors: problem.errors ?? [],
    retryAfterSeconds: wait > 0 ? wait : null,
  });
}
