/** The customer's form, made from the contract: sliders with numbers, selects, switches. */

import { byId, element } from "./dom.js";
import * as find from "./find.js";
import { bounds, isNumber, levelsOf, problem, settle, show, sliderRange, title, unitBeside, write } from "./values.js";

/** Build the form, and call `changed` after each change. Return {customer(), set(name, value), ranges, isValid()}. */
export function build(features, model, changed) {
  const found = model?.ranges ?? {};
  const example = Object.fromEntries(features.map((feature) => [feature.name, feature.example]));
  const numbers = features.filter(isNumber);
  const ranges = Object.fromEntries(numbers.map((feature) => [feature.name, sliderRange(feature, found[feature.name])]));
  let customer = { ...example };

  function set(name, value) {
    const whole = { ...customer, [name]: value };
    const feature = features.find((other) => other.name === name);
    customer = problem(feature, value, whole) ? whole : settle(features, whole, name);
    draw(name);
    changed();
  }

  /** Draw the fields whose value, or whose rule about another value, has changed since they were drawn. */
  function draw(edited) {
    for (const field of fields) {
      const { name, at_least: other } = field.feature;
      const isSame = drawn && Object.is(customer[name], drawn[name]) && (!other || Object.is(customer[other], drawn[other]));
      if (!isSame || name === edited) field.draw(customer[name], customer, name === edited);
    }
    drawn = customer;
  }

  let drawn = null;
  const ordered = find.order(features, model?.importance);
  const fields = ordered.map((feature) => make(feature, ranges[feature.name], (value) => set(feature.name, value)));
  byId("fields").replaceChildren(...fields.map((field) => field.node));
  byId("reset").onclick = () => {
    customer = { ...example };
    drawn = null;
    draw();
    refold();
    changed();
  };
  draw();
  const refold = find.fold(fields, ({ feature: { name } }) => !Object.is(customer[name], example[name]));
  return {
    ranges,
    set,
    customer: () => customer,
    isValid: () => features.every((feature) => !problem(feature, customer[feature.name], customer)),
  };
}

function make(feature, range, set) {
  const id = `feature-${feature.name}`;
  const control = isNumber(feature) ? numeric(feature, range, id, set) : choice(feature, id, set);
  const wrong = element("span", { class: "wrong" });
  const allowed = isNumber(feature) ? ` Allowed: ${bounds(feature)}.` : "";
  const hint = element("p", { class: "hint", id: `${id}-hint` }, `${feature.description}${allowed}`.trim(), " ", wrong);
  const top = element("div", { class: "top" }, element("label", { for: id }, title(feature)), ...control.top);
  const node = element("div", { class: "field", "data-name": feature.name }, top, ...control.below, hint);
  const unknown = feature.nullable && control.main.tagName === "INPUT" ? unknownBox(feature, id, set) : null;
  if (unknown) top.append(unknown.node);
  let known = feature.example;
  unknown?.listen(() => known ?? control.fallback);
  control.main.setAttribute("aria-describedby", `${id}-hint`);

  function draw(value, customer, isEdited) {
    const found = problem(feature, value, customer);
    if (value !== null && !found) known = value;
    wrong.textContent = found ? `This value is ${found}.` : "";
    control.main.setAttribute("aria-invalid", String(Boolean(found)));
    unknown?.draw(value === null);
    node.classList.toggle("is-unknown", value === null);
    control.draw(value, isEdited);
  }
  return { node, feature, draw, control: control.main };
}

function numeric(feature, range, id, set) {
  const main = element("input", { id, type: "number", step: "any", inputmode: "decimal", autocomplete: "off" });
  const { low, high, step } = range;
  const name = `${title(feature)}, slider`;
  const slider = element("input", { type: "range", min: low, max: high, step, "aria-label": name });
  const unit = unitBeside(feature).map((text) => element("span", { class: "unit" }, text));
  const [from, to] = [low, high].map((end) => element("span", { class: "end", "aria-hidden": "true" }, write(end)));
  main.addEventListener("input", () => set(main.value.trim() === "" ? undefined : Number(main.value)));
  slider.addEventListener("input", () => set(Number(slider.value)));
  return {
    main,
    fallback: low,
    top: [element("span", { class: "amount" }, main, ...unit)],
    below: [element("div", { class: "slide" }, from, slider, to)],
    draw(value, isEdited) {
      for (const input of [main, slider]) input.disabled = value === null;
      if (value === null) main.value = "";
      if (value === null || value === undefined) return;
      if (!isEdited || document.activeElement !== main) main.value = String(value);
      if (document.activeElement !== slider || Number(slider.value) !== value) slider.value = String(value);
      slider.setAttribute("aria-valuetext", show(feature, value));
      const share = Math.min(1, Math.max(0, (value - low) / (high - low || 1)));
      slider.style.setProperty("--share", share);
    },
  };
}

/** A text with suggestions: the levels that the model has learned. */
function openText(feature, id, set) {
  const main = element("input", { id, type: "text", list: `${id}-levels`, maxlength: 200, autocomplete: "off" });
  const options = levelsOf(feature).map((level) => element("option", { value: level }));
  main.addEventListener("input", () => set(main.value.trim() || undefined));
  return {
    main,
    fallback: feature.example,
    top: [element("span", { class: "amount" }, main)],
    below: [element("datalist", { id: `${id}-levels` }, ...options)],
    draw(value, isEdited) {
      main.disabled = value === null;
      if (value === null) main.value = "";
      if (typeof value === "string" && (!isEdited || document.activeElement !== main)) main.value = value;
    },
  };
}

function choice(feature, id, set) {
  if (feature.kind === "open_category") return openText(feature, id, set);
  if (feature.kind === "boolean") {
    const main = element("input", { id, type: "checkbox", role: "switch", class: "switch" });
    const word = element("span", { class: "unit", "aria-hidden": "true" });
    main.addEventListener("change", () => set(main.checked));
    return {
      main,
      fallback: false,
      top: [element("span", { class: "amount" }, word, main)],
      below: [],
      draw(value) {
        main.disabled = value === null;
        main.checked = value === true;
        word.textContent = show(feature, value);
      },
    };
  }
  const values = feature.nullable ? [...feature.categories, null] : [...feature.categories];
  const options = values.map((value, at) => element("option", { value: String(at) }, show(feature, value)));
  const unit = unitBeside(feature).map((text) => element("span", { class: "unit" }, text));
  const main = element("select", { id }, ...options);
  main.addEventListener("change", () => set(values[Number(main.value)]));
  return {
    main,
    top: [element("span", { class: "amount" }, main, ...unit)],
    below: [],
    draw: (value) => (main.value = String(values.indexOf(value))),
  };
}

function unknownBox(feature, id, set) {
  const box = element("input", { id: `${id}-unknown`, type: "checkbox" });
  const hidden = element("span", { class: "hidden" }, `${title(feature)} is `);
  const node = element("label", { class: "unknown", for: box.id }, box, hidden, "unknown");
  return {
    node,
    listen: (last) => box.addEventListener("change", () => set(box.checked ? null : last())),
    draw: (isUnknown) => (box.checked = isUnknown),
  };
}
