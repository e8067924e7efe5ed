/** Values of the contract: their words, bounds and rules, as the service has them. Nothing here touches the page. */

const NULLS = new Set(["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"]);
const BOOLEANS = { true: true, false: false, 1: true, 0: false };
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const REFUSED = { ge: "below", gt: "not above", le: "above", lt: "not below" };
const KEEPS = { ge: (a, b) => a >= b, gt: (a, b) => a > b, le: (a, b) => a <= b, lt: (a, b) => a < b };
const WHOLE = /^([+-]?\d+)\.0*$/;
const [POINTS, MOST_LEVELS, LONGEST_LEVEL] = [48, 12, 200];

export const isNumber = (feature) => feature.kind === "integer" || feature.kind === "number";

/** The levels of an open category that the model has learned, most frequent first; none if they are not known. */
export function levelsOf({ levels }) {
  return Object.keys(levels).sort((one, other) => levels[other] - levels[one]);
}

/** Name a feature: "tenure_months" is "Tenure months". */
export function title({ name }) {
  const text = name.replaceAll("_", " ");
  return text[0].toUpperCase() + text.slice(1);
}

/** The unit to write beside a value: none if the name has it already. */
export function unitBeside({ name, unit }) {
  return unit && name.split("_").at(-1) !== unit ? [unit] : [];
}

/** Write a number: at most two digits after the point, or more for small ones. */
export function write(number) {
  const digits = Math.abs(number) >= 1 ? 2 : 6;
  return number.toLocaleString("en", { maximumFractionDigits: digits });
}

/** Write a value with its label, or with its unit if the feature's name does not have it. */
export function show(feature, value) {
  if (value === null) return "unknown";
  if (feature.kind === "category") return feature.labels[feature.categories.indexOf(value)];
  if (feature.kind === "open_category") return value;
  if (feature.kind === "boolean") return value ? "yes" : "no";
  return [write(value), ...unitBeside(feature)].join(" ");
}

/** Say which values are allowed. */
export function bounds(feature) {
  const { ge, gt, le, lt } = feature.limits;
  const low = ge === undefined ? `above ${write(gt)}` : write(ge);
  const high = le === undefined ? `below ${write(lt)}` : write(le);
  return ge === undefined || le === undefined ? `${low}, ${high.replace(/^(?=\d)/, "at most ")}` : `${low} to ${high}`;
}

/** The range of a number's slider: where the model's answer changes, and a little more; else what its bounds allow. */
export function sliderRange(feature, found) {
  const { limits, example } = feature;
  const low = limits.ge ?? limits.gt;
  const high = limits.le ?? limits.lt;
  let [from, to] = [low, high];
  if (found) {
    const span = found[1] - found[0] || Math.abs(found[0]) || 1;
    from = found[0] - span / 4 <= low ? low : found[0] - span / 6;
    to = found[1] + span / 4 >= high ? high : found[1] + span / 6;
  } else if (example > low && high - low > 200 * (example - low)) {
    to = low + 20 * (example - low);
  }
  from = Math.min(from, example ?? from);
  to = Math.max(to, example ?? to);
  const unit = 10 ** (Math.floor(Math.log10(to - from)) - 1);
  from = Math.max(low, round(Math.floor(from / unit) * unit));
  to = Math.min(high, round(Math.ceil(to / unit) * unit));
  const whole = feature.kind === "integer";
  const step = whole ? Math.max(1, unit / 100) : round(unit / 20);
  if (whole) [from, to] = [Math.ceil(from), Math.floor(to)];
  if (from === limits.gt) from = round(from + (whole ? 1 : step));
  if (to === limits.lt) to = round(to - (whole ? 1 : step));
  return { low: from, high: to, step };
}

/** The values of a feature for a curve: its levels, or points of its range with `current` among them. */
export function grid(feature, range, current) {
  if (!isNumber(feature)) {
    const levels = feature.kind === "boolean" ? [false, true] : [...feature.categories];
    if (feature.kind === "open_category") {
      const common = levelsOf(feature).slice(0, MOST_LEVELS);
      levels.push(...(current === null || common.includes(current) ? common : [current, ...common]));
    }
    return feature.nullable ? [...levels, null] : levels;
  }
  const { low, high } = range;
  const whole = feature.kind === "integer";
  const points = whole ? Math.min(POINTS, high - low) : POINTS;
  const found = Array.from({ length: points + 1 }, (_, at) => low + ((high - low) * at) / (points || 1));
  const values = new Set(found.map((value) => (whole ? Math.round(value) : round(value))));
  if (current !== null && current >= low && current <= high) values.add(current);
  return [...values].sort((a, b) => a - b);
}

/** Return the customer in which `changed` is kept, and other numbers rise where a rule needs them to. */
export function settle(features, customer, changed) {
  const settled = { ...customer };
  for (const { name, at_least: other } of features) {
    if (!other || name === changed || settled[name] === null || settled[other] === null) continue;
    settled[name] = Math.max(settled[name], settled[other]);
  }
  return settled;
}

/** Return the customer with the numbers that the service clips set to the bounds beyond which they lie. */
export function clip(features, customer) {
  const ends = features.filter(({ is_clipped, name }) => is_clipped && Number.isFinite(customer[name]));
  const clipped = ends.map(({ name, limits: { ge, le } }) => [name, Math.min(Math.max(customer[name], ge), le)]);
  return { ...customer, ...Object.fromEntries(clipped) };
}

/** Return why a value is not valid in its customer, or null. */
export function problem(feature, value, customer) {
  if (value === null || value === undefined) return feature.nullable ? null : "missing";
  if (feature.kind === "category") {
    return feature.categories.includes(value) ? null : `not one of ${feature.categories.join(", ")}`;
  }
  if (feature.kind === "open_category") {
    return typeof value === "string" && value !== "" && value.length <= LONGEST_LEVEL ? null : "not a text of 1 to 200 characters";
  }
  if (feature.kind === "boolean") return typeof value === "boolean" ? null : "not true or false";
  if (!Number.isFinite(value)) return feature.is_age ? `no number of ${feature.unit} (from a date, count them until now)` : "not a number";
  if (feature.kind === "integer" && !Number.isInteger(value)) return "not a whole number";
  for (const [limit, bound] of feature.is_clipped ? [] : Object.entries(feature.limits)) {
    if (!KEEPS[limit](value, bound)) return `${REFUSED[limit]} ${write(bound)}`;
  }
  const other = customer[feature.at_least];
  return typeof other === "number" && value < other ? `below ${feature.at_least}, which is ${write(other)}` : null;
}

/** Read a cell of a table; what cannot be read stays text, and is refused later. */
export function read(feature, cell) {
  const text = cell.trim();
  const known = feature.categories.find((category) => String(category) === text);
  if (known !== undefined) return known;
  if (NULLS.has(text)) return null;
  if (feature.kind === "open_category") return text.replace(WHOLE, "$1");
  if (feature.kind === "boolean") return BOOLEANS[text.toLowerCase()] ?? text;
  return isNumber(feature) && NUMBER.test(text) ? Number(text) : text;
}

const round = (value) => Number(value.toPrecision(12));
