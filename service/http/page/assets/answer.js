/** The answer to the customer: probability, tier and decision, the reasons, and what the decision costs. */

import { byId, element, tell } from "./dom.js";
import { show, title, write } from "./values.js";

const TIERS = { low: "Low risk", medium: "Medium risk", high: "High risk" };

/** With more fields, the rest is one line. */
const MOST_REASONS = 20;

export const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)}%`;

/** Write a bound: with a digit after the point if it has one. */
const share = (bound) => percent(bound, Math.round(1000 * bound) % 10 ? 1 : 0);

/** Write a number that somebody gave, with all its digits. */
const exact = (number) => number.toLocaleString("en", { maximumFractionDigits: 12 });

/** Write a probability as the page does: whole percents, and never 0 or 100 for what is not certain. */
export function chance(probability) {
  if (probability > 0 && probability < 0.005) return "<1";
  if (probability < 1 && probability >= 0.995) return ">99";
  return String(Math.round(100 * probability));
}

let speaking;

/** Draw one prediction; `model` is null if its bounds and prices cannot be told. */
export function draw(prediction, features, customer, model) {
  const { churn_probability: probability, risk_tier: tier, churn_prediction: leaves } = prediction;
  const decision = leaves ? "predicted to leave" : "predicted to stay";
  document.body.dataset.tier = tier;
  byId("answer").classList.remove("is-old");
  byId("probability").title = String(probability);
  tell("probability", chance(probability));
  tell("tier", TIERS[tier]);
  tell("decision", decision[0].toUpperCase() + decision.slice(1));
  tell("threshold", model ? `From ${share(model.decision_threshold)} on, a customer counts as leaving.` : "");
  clearTimeout(speaking);
  const words = `${chance(probability)} percent, ${TIERS[tier].toLowerCase()}, ${decision}.`;
  speaking = setTimeout(() => tell("spoken", words), 700);
  drawScale(probability, model);
  if (prediction.explanation) drawReasons(prediction.explanation, features, customer);
  drawCosts(probability, tier, model);
}

/** Say in the place of the answer why there is none; what is shown is then old. An empty text says that all is well. */
export function notice(text) {
  tell("notice", text);
  byId("notice").hidden = !text;
  byId("answer").classList.toggle("is-old", Boolean(text));
}

function drawScale(probability, model) {
  const parts = (model?.tiers ?? []).map(({ tier, lower_bound: low, upper_bound: high }) => {
    const part = element("span", { class: `zone ${tier}` }, tier);
    part.style.width = percent(high - low, 2);
    return part;
  });
  const bounds = (model?.tiers ?? []).slice(1).map(({ lower_bound: low }) => {
    const mark = element("span", { class: "bound" }, share(low));
    mark.style.left = percent(low, 2);
    return mark;
  });
  const marker = element("span", { class: "marker" });
  marker.style.left = percent(probability, 2);
  const bar = element("div", { class: "bar" }, ...parts);
  tell("scale", element("div", { class: "scale", "aria-hidden": "true" }, bar, marker, ...bounds));
}

function drawReasons(explanation, features, customer) {
  const { base_value: base, contributions, score, reasons } = explanation;
  byId("why").hidden = false;
  const ranked = [...features].sort((a, b) => Math.abs(contributions[b.name]) - Math.abs(contributions[a.name]));
  const largest = Math.max(0.5, ...Object.values(contributions).map(Math.abs));
  const items = ranked.slice(0, MOST_REASONS).map((feature, at) => {
    const value = contributions[feature.name];
    const sentence = reasons[at] ?? `${title(feature)}: ${show(feature, customer[feature.name])}`;
    const bar = element("span", { class: `part ${value > 0 ? "raises" : "lowers"}` });
    bar.style.width = percent(Math.abs(value) / largest / 2, 2);
    bar.style[value > 0 ? "left" : "right"] = "50%";
    const figure = element("span", { class: "figure" }, signed(value));
    const text = element("span", { class: "sentence" }, sentence[0].toUpperCase() + sentence.slice(1));
    return element("li", {}, text, figure, element("span", { class: "track", "aria-hidden": "true" }, bar));
  });
  const others = ranked.slice(MOST_REASONS);
  if (others.length) {
    const together = others.reduce((sum, { name }) => sum + contributions[name], 0);
    const text = element("span", { class: "sentence" }, `${others.length} other fields together`);
    items.push(element("li", {}, text, element("span", { class: "figure" }, signed(together))));
  }
  tell("reasons", ...items);
  tell("scores", `In log-odds. With nothing known, the score is ${signed(base)}. With this customer's values, it is ${signed(score)}.`);
}

const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

function drawCosts(probability, tier, model) {
  byId("cost").hidden = !model;
  if (!model) return;
  byId("costs").hidden = !model.costs;
  if (!model.costs) {
    tell("cost-sentence", model.tiers.find((other) => other.tier === tier).meaning);
    tell("cost-note", "The model was trained without prices, so its tiers are defaults.");
    return;
  }
  const { currency, value_of_kept_customer: value } = model.costs;
  const money = (amount) => `${write(Math.round(amount))} ${currency}`;
  const choices = ["low", "medium", "high"].map((name) => choiceOf(name, probability, model.costs));
  const [none, , ] = choices;
  const chosen = choices.find((choice) => choice.tier === tier);
  const saved = Math.round(none.cost) - Math.round(chosen.cost);
  const compared = saved < 0 ? `${money(-saved)} more than no offer` : `${money(saved)} less than no offer`;
  tell("cost-sentence", chosen === none
    ? `No offer. Customers like this one cost ${money(chosen.cost)} each on average.`
    : `${chosen.words}. Customers like this one then cost ${money(chosen.cost)} each on average, ${compared}.`);
  const head = element("tr", {}, ...["Decision", "Cost on average"].map((text) => element("th", { scope: "col" }, text)));
  const rows = choices.map((choice) => {
    const mark = choice === chosen ? [" ", element("span", { class: "tag" }, "chosen")] : [];
    const name = element("th", { scope: "row" }, choice.words, ...mark);
    return element("tr", { class: choice === chosen && "is-chosen" }, name, element("td", {}, money(choice.cost)));
  });
  tell("costs", element("thead", {}, head), element("tbody", {}, ...rows));
  tell("cost-note", `A customer who leaves costs ${exact(value)} ${currency}. The tier decides; training set its bounds by these prices.`);
}

/** The cost of a choice for a customer of this probability: the offer, and the value of those who leave in spite of it. */
function choiceOf(tier, probability, costs) {
  const { currency, value_of_kept_customer: value } = costs;
  if (tier === "low") return { tier, words: "No offer", cost: probability * value };
  const { contact_cost: price, success_rate: success } = costs[tier];
  const words = `An offer for ${exact(price)} ${currency}, which keeps ${exact(100 * success)}% of those who would leave`;
  return { tier, words, cost: price + probability * (1 - success) * value };
}
