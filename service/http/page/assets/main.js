/** The page: describes the model, builds the form, and keeps answer and curve up with the values. */

import * as answer from "./answer.js";
import * as curve from "./curve.js";
import { byId, element, latest, tell } from "./dom.js";
import * as engine from "./engine.js";
import * as file from "./file.js";
import * as form from "./form.js";
import { isNumber, title } from "./values.js";

const [ANSWER_PAUSE_MS, CURVE_PAUSE_MS, RETRY_SECONDS] = [60, 250, 3];

let features, model, fields, retrying, retryingCurve;
let failures = 0;
let described = "";
let wasAnswered = false;

async function start() {
  let found;
  try {
    found = await engine.describe();
  } catch (error) {
    return again(error, start);
  }
  ({ contract: { features }, model } = found);
  tell("links", ...found.links.map((link) => element("li", {}, anchor(link))));
  tell("note", found.note);
  tell("model", model ? `Model ${model.version}, trained on ${model.trained_at.slice(0, 10)}.` : "");
  fields = form.build(features, model, changed);
  if (!byId("curve-feature").options.length) prepare();
  const { status } = found.problem ?? {};
  if (status === 401) return askForKey(found.problem);
  if (found.problem && status !== 403) return again(found.problem, start);
  byId("key").hidden = true;
  changed();
}

/** Build what depends on the contract alone. */
function prepare() {
  const options = features.map((feature, at) => element("option", { value: String(at) }, title(feature)));
  const choice = byId("curve-feature");
  choice.append(...options);
  choice.addEventListener("change", drawCurve);
  new ResizeObserver(drawCurve).observe(byId("curve"));
  file.start(features, engine, { failed, example: examples });
}

const predict = latest(async () => {
  const customer = fields.customer();
  if (!fields.isValid()) return answer.notice("One value is not valid. The answer is that of the values before.");
  try {
    // The first explanation of a process takes a second, and the probability need not wait for it.
    if (!wasAnswered) answer.draw((await engine.predict([customer]))[0], features, customer, model);
    const [prediction] = await engine.predict([customer], { explain: true });
    answer.notice("");
    failures = 0;
    answer.draw(prediction, features, customer, model);
    if (!wasAnswered) chooseCurve(prediction.explanation.contributions);
    wasAnswered = true;
    if (model && prediction.model_version !== model.version && described !== prediction.model_version) {
      described = prediction.model_version; // another model is served from now on
      await renew();
    }
  } catch (error) {
    again(error, predict);
  }
}, ANSWER_PAUSE_MS);

const drawCurve = latest(async () => {
  const customer = fields.customer();
  if (!fields.isValid()) return;
  const feature = features[Number(byId("curve-feature").value)];
  const asked = curve.customers(features, feature, fields.ranges[feature.name], customer);
  if (!asked.length) return curve.drawNothing(feature);
  try {
    const predictions = await engine.predict(asked);
    const points = asked.map((other, at) => ({ value: other[feature.name], probability: predictions[at].churn_probability }));
    const risen = features.filter(({ name }) => name !== feature.name && asked.some((other) => other[name] !== customer[name]));
    curve.draw(feature, points, customer[feature.name], { model, risen });
  } catch (error) {
    if (!(error instanceof engine.EngineError)) throw error;
    if (!isPassing(error)) return; // the answer says why
    clearTimeout(retryingCurve);
    retryingCurve = setTimeout(drawCurve, 1000 * (error.retryAfterSeconds ?? RETRY_SECONDS));
  }
}, CURVE_PAUSE_MS);

/** Begin with the curve of the feature that matters most. */
function chooseCurve(contributions) {
  const sizes = features.map(({ name }) => Math.abs(contributions[name]));
  byId("curve-feature").value = String(sizes.indexOf(Math.max(...sizes)));
  drawCurve();
}

function changed() {
  clearTimeout(retrying);
  predict();
  drawCurve();
}

async function renew() {
  const found = await engine.describe();
  if (found.model) ({ model } = found);
  tell("model", `Model ${model.version}, trained on ${model.trained_at.slice(0, 10)}.`);
  changed();
}

/** Show an error in the place of the answer, and try again if that may help. */
function again(error, work) {
  if (error.status === 401 || error.status === 403) return askForKey(error);
  failures += 1;
  const seconds = error.retryAfterSeconds ?? RETRY_SECONDS;
  // A service that is busy for a moment is asked once more before anybody reads of it.
  if (failures > 1 || error.status !== 503 || seconds > RETRY_SECONDS) answer.notice(`${failed(error)}${isPassing(error) ? ` Trying again in ${seconds} s.` : ""}`);
  clearTimeout(retrying);
  if (isPassing(error)) retrying = setTimeout(work, 1000 * seconds);
}

const isPassing = ({ status, retryAfterSeconds }) => status === 0 || status >= 500 || retryAfterSeconds !== null;

/** Say what an error of the engine means. */
function failed(error) {
  if (!(error instanceof engine.EngineError)) throw error;
  const fieldsNamed = error.errors.map(({ path, message }) => `${path}: ${message}`).join("; ");
  return fieldsNamed ? `${error.message} ${fieldsNamed}` : error.message;
}

let hasKey = false;

function askForKey(error) {
  byId("key").hidden = false;
  const unknown = "The service does not know this key, or it has expired. Ask its operators for another one.";
  tell("key-problem", hasKey ? (error.status === 403 ? error.message : unknown) : "");
  answer.notice("The answer appears when the service has your key.");
  byId("key-text").focus();
}

byId("key").addEventListener("submit", (event) => {
  event.preventDefault();
  engine.setKey(byId("key-text").value);
  hasKey = true;
  start();
});

function anchor({ label, href, needsKey }) {
  const link = element("a", { href }, label);
  if (needsKey) link.addEventListener("click", (event) => open(event, label, href));
  return link;
}

/** Download what a link leads to: a browser does not send the key by itself. */
async function open(event, label, href) {
  event.preventDefault();
  try {
    const content = await engine.load(href);
    const address = URL.createObjectURL(content);
    const suffix = content.type.includes("html") ? "html" : "json";
    element("a", { href: address, download: `${label.toLowerCase().replaceAll(" ", "-")}.${suffix}` }).click();
    URL.revokeObjectURL(address);
  } catch (error) {
    answer.notice(failed(error));
  }
}

/** Customers for the example of a file: the one of the form, and two that differ in one number or level. */
function examples() {
  const customer = fields.customer();
  const others = features.filter((feature) => isNumber(feature)).slice(0, 2);
  return [customer, ...others.map(({ name }) => ({ ...customer, [name]: fields.ranges[name].low }))];
}

start();
