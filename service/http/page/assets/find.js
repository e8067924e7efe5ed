/** Many fields: those that the model uses most are shown, and a search finds the others. */

import { byId, tell } from "./dom.js";
import { title } from "./values.js";

/** A form of more fields is folded. */
const MANY = 24;
const FIRST = 12;

export const isMany = (features) => features.length > MANY;

/** Return the features in the order of the form: of many, those first that the model uses most. */
export function order(features, importance) {
  if (!isMany(features)) return features;
  const gain = ({ name }) => importance?.[name]?.gain ?? 0;
  return [...features].sort((a, b) => gain(b) - gain(a));
}

/** Fold the fields; `isKept(field)` tells of one that stays. Return the function that folds again. */
export function fold(fields, isKept) {
  const [box, all] = [byId("find-text"), byId("all-fields")];
  const many = isMany(fields);
  byId("find").hidden = all.hidden = !many;
  if (!many) return () => {};
  const words = fields.map(({ feature }) => [feature.name, title(feature), feature.description, ...feature.labels].join(" ").toLowerCase());
  let isOpen = false;

  function draw() {
    const asked = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matches = (at) => asked.every((word) => words[at].includes(word));
    const isShown = (field, at) => (asked.length ? matches(at) : isOpen || at < FIRST || isKept(field));
    fields.forEach((field, at) => (field.node.hidden = !isShown(field, at)));
    const shown = fields.filter(({ node }) => !node.hidden).length;
    const folded = isOpen ? "All fields are shown, those first that the model uses most." : `${shown} of ${fields.length} fields are shown: those that the model uses most, and those that you changed.`;
    tell("find-status", asked.length ? `${shown} of ${fields.length} fields match.` : folded);
    all.hidden = asked.length > 0;
    tell("all-fields", isOpen ? "Show fewer fields" : `Show all ${fields.length} fields`);
    all.setAttribute("aria-expanded", String(isOpen));
  }

  box.oninput = draw;
  box.onkeydown = (event) => {
    if (event.key === "Enter") fields.find(({ node }) => !node.hidden)?.control.focus();
  };
  all.onclick = () => {
    isOpen = !isOpen;
    draw();
  };
  draw();
  return draw;
}
