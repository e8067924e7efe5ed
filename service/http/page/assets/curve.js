/** What if: the probability over the range of one feature, or over its levels, while all others stay. */

import { chance, percent } from "./answer.js";
import { byId, element, shape, tell } from "./dom.js";
import { grid, isNumber, problem, settle, show, title, write } from "./values.js";

const [TOP, RIGHT, BOTTOM, LEFT] = [14, 14, 34, 44];
const HEIGHT = 260;

/** Return the customers of a curve: one for each value of the feature that its rules allow. */
export function customers(features, feature, range, customer) {
  return grid(feature, range, customer[feature.name])
    .map((value) => settle(features, { ...customer, [feature.name]: value }, feature.name))
    .filter((other) => features.every((each) => !problem(each, other[each.name], other)));
}

/** Say that a feature has no curve, because its rules allow no value that the curve would have. */
export function drawNothing(feature) {
  tell("curve-words", `${title(feature)}: no value in the range of the curve is allowed beside the other values.`);
  byId("curve").replaceChildren();
}

/** Draw the curve of a feature; `points` are {value, probability}, and the features in `risen` follow it. */
export function draw(feature, points, current, { model, risen }) {
  const now = points.find((point) => point.value === current);
  const probabilities = points.map((point) => point.probability);
  const [least, most] = [Math.min(...probabilities), Math.max(...probabilities)];
  const text = isNumber(feature) ? lineWords(feature, points, least, most) : levelWords(feature, points);
  const here = now ? ` Now ${chance(now.probability)}% at ${show(feature, current)}.` : "";
  const others = risen.length ? ` Where a rule needs it, ${risen.map(title).join(" and ")} rises along.` : "";
  tell("curve-words", text + here + others);
  const chart = isNumber(feature) ? line(feature, points, now, model) : levels(feature, points, now);
  byId("curve").replaceChildren(chart);
}

function lineWords(feature, points, least, most) {
  const [from, to] = [points[0], points.at(-1)].map(({ value, probability }) => `${chance(probability)}% at ${show(feature, value)}`);
  const ends = [points[0].probability, points.at(-1).probability];
  const peaks = least < Math.min(...ends) || most > Math.max(...ends);
  return `${title(feature)}: ${from}, ${to}${peaks ? `, and between ${chance(least)}% and ${chance(most)}% on the way` : ""}.`;
}

function levelWords(feature, points) {
  return `${title(feature)}: ${points.map(({ value, probability }) => `${show(feature, value)} ${chance(probability)}%`).join(", ")}.`;
}

function line(feature, points, now, model) {
  const width = Math.max(280, byId("curve").clientWidth);
  const [low, high] = [points[0].value, points.at(-1).value];
  const x = (value) => LEFT + ((value - low) / (high - low || 1)) * (width - LEFT - RIGHT);
  const y = (probability) => TOP + (1 - probability) * (HEIGHT - TOP - BOTTOM);
  const chart = frame(width, HEIGHT);
  for (const { tier, lower_bound: from, upper_bound: to } of model?.tiers ?? []) {
    chart.append(shape("rect", { class: `band ${tier}`, x: LEFT, width: width - LEFT - RIGHT, y: y(to), height: y(from) - y(to) }));
  }
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    chart.append(
      shape("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(share), y2: y(share) }),
      shape("text", { x: LEFT - 8, y: y(share) + 4, "text-anchor": "end" }, percent(share)),
    );
  }
  for (const value of ticks(low, high, width > 500 ? 6 : 3)) {
    chart.append(shape("text", { x: x(value), y: HEIGHT - 12, "text-anchor": "middle" }, write(value)));
  }
  const places = points.map(({ value, probability }) => `${x(value).toFixed(1)},${y(probability).toFixed(1)}`);
  chart.append(shape("polyline", { class: "line", points: places.join(" ") }));
  if (now) chart.append(...marker(x(now.value), y(now.probability), now, width));
  return chart;
}

function marker(x, y, now, width) {
  const side = x > width - 90 ? "end" : "start";
  const above = y > TOP + 24 ? y - 12 : y + 24;
  return [
    shape("line", { class: "drop", x1: x, x2: x, y1: y, y2: HEIGHT - BOTTOM }),
    shape("circle", { class: "now", cx: x, cy: y, r: 7 }),
    shape("text", { class: "now-text", x: side === "end" ? x - 10 : x + 10, y: above, "text-anchor": side }, `${chance(now.probability)}%`),
  ];
}

function levels(feature, points, now) {
  const rows = points.map((point) => {
    const bar = element("span", { class: "part" });
    bar.style.width = percent(point.probability, 2);
    const name = element("span", { class: "level-name" }, show(feature, point.value));
    const track = element("span", { class: "level-track" }, bar);
    return element("div", { class: point === now ? "level is-now" : "level" }, name, track, element("span", {}, `${chance(point.probability)}%`));
  });
  return element("div", { class: "levels", "aria-hidden": "true" }, ...rows);
}

const frame = (width, height) => shape("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-labelledby": "curve-words" });

/** Round values between two ends. */
function ticks(low, high, most) {
  const rough = (high - low) / most || 1;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((size) => size >= rough);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}
