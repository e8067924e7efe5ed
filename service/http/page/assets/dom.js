/** Small tools for elements. Text is always text: nothing here builds HTML from strings. */

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** Create an element with attributes and children; an attribute of null or false is left out. */
export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function shape(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

/** Set the text of an element, or its children; nothing is touched if the text is the same. */
export function tell(id, ...children) {
  const node = byId(id);
  if (children.length !== 1 || typeof children[0] !== "string" || node.textContent !== children[0]) {
    node.replaceChildren(...children);
  }
}

/**
 * Return a function that asks for `work`. One runs at a time, with a pause between; however often it is asked for
 * meanwhile, it then runs once more. So the last answer is always that of the newest values.
 */
export function latest(work, pauseMs) {
  let [isWanted, isRunning] = [false, false];
  return async () => {
    isWanted = true;
    if (isRunning) return;
    isRunning = true;
    try {
      while (isWanted) {
        isWanted = false;
        await work();
        await pause(pauseMs);
      }
    } finally {
      isRunning = false;
    }
  };
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}
