// Reasons in words, from sentences that the build made of the contract's phrases.

import { sigmoid } from "./calibration.js";

/**
 * Return the reasons of the strongest contributions, strongest first; `contributions` are in the contract's order,
 * and add up to the `score` of the customer. A reason moves the probability by at least `least`.
 *
 * `sentences` has for each feature those for an unknown value, and those for each value: each category, false and true,
 * any level of an open category, or one and any other number. Each is a pair: it raises the risk, it lowers the risk.
 */
export function reasons({ sentences, most, least }, features, customer, contributions, score) {
  return contributions
    .map((contribution, at) => ({ contribution, at }))
    .sort((one, other) => Math.abs(other.contribution) - Math.abs(one.contribution))
    .slice(0, most)
    .filter(({ contribution }) => Math.abs(sigmoid(score) - sigmoid(score - contribution)) >= least)
    .map(({ contribution, at }) => {
      const value = customer[features[at].name];
      return sentence(sentences[at], features[at], value)[contribution > 0 ? 0 : 1].replaceAll("{value}", () => (typeof value === "string" ? value : write(value)));
    });
}

function sentence({ unknown, values }, { kind, categories }, value) {
  if (value === null) return unknown;
  if (kind === "open_category") return values[0];
  if (kind === "category") return values[categories.indexOf(value)];
  return values[kind === "boolean" ? Number(value) : Number(value !== 1)];
}

/** Write a number with at most 2 decimals, or 6 below 1, and thousands apart; halves are rounded to even, as in Python. */
export function write(number) {
  const size = Math.abs(number);
  const digits = size >= 1 ? 2 : 6;
  let text = size.toFixed(digits);
  // Only a multiple of 1/8 lies in the middle between two numbers of 2 decimals, and of 1/128 between two of 6.
  const isHalf = (size * (digits === 2 ? 8 : 128)) % 2 === 1;
  if (isHalf && Number(text.at(-1)) % 2 === 1) text = (size - 10 ** -(digits + 1)).toFixed(digits);
  const [whole, decimals] = text.split(".");
  const rest = decimals.replace(/0+$/, "");
  return (number < 0 ? "-" : "") + whole.replace(/\B(?=(\d{3})+$)/g, ",") + (rest && `.${rest}`);
}
