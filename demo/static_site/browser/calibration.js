// The calibration map of the manifest: from the trees' probability to a calibrated one.

const NEAREST = 1e-9; // least distance from 0 and 1, so that log-odds are finite
const FARTHEST = 500; // largest log-odds

/** Return the calibrated probability. */
export function calibrate({ method, slope, intercept, knots }, probability) {
  if (method === "none") return probability;
  if (method === "sigmoid") {
    const inside = Math.min(Math.max(probability, NEAREST), 1 - NEAREST);
    const score = slope * Math.log(inside / (1 - inside)) + intercept;
    return 1 / (1 + Math.exp(-Math.min(Math.max(score, -FARTHEST), FARTHEST)));
  }
  const after = knots.findIndex(([raw]) => raw > probability);
  if (after === 0) return knots[0][1];
  if (after === -1) return knots.at(-1)[1];
  const [[low, from], [high, to]] = knots.slice(after - 1, after + 1);
  return from + ((to - from) * (probability - low)) / (high - low);
}
