// The calibration map of the manifest: from the trees' probability to a calibrated one.

const NEAREST = 1e-9; // least distance from 0 and 1, so that log-odds are finite
const FARTHEST = 500; // largest log-odds

/** Return the calibrated probability. */
export function calibrate({ method, slope, intercept, knots }, probability) {
  if (method === "none") return probability;
  if (method === "sigmoid") {
    return sigmoid(slope * logOdds(probability) + intercept);
  }
  const after = knots.findIndex(([raw]) => raw > probability);
  if (after === 0) return knots[0][1];
  if (after === -1) return knots.at(-1)[1];
  const [[low, from], [high, to]] = knots.slice(after - 1, after + 1);
  return from + ((to - from) * (probability - low)) / (high - low);
}

/** Return the probability of log-odds. */
export function sigmoid(score) {
  return 1 / (1 + Math.exp(-Math.min(Math.max(score, -FARTHEST), FARTHEST)));
}

function logOdds(probability) {
  const inside = Math.min(Math.max(probability, NEAREST), 1 - NEAREST);
  return Math.log(inside / (1 - inside));
}

const NEAR = 1e-4; // two scores so near have no slope between them; that around the base value is taken
const STEP = 0.05;

/**
 * Return the base value after the map, and the factor by which the trees' contributions to `raw` are scaled, so that
 * they add up to the log-odds of the calibrated probability (as `Contributions.served` of the service).
 */
export function servedScale(calibration, base, raw) {
  if (calibration.method === "none") return { base, factor: 1 };
  const move = (score) => logOdds(calibrate(calibration, sigmoid(score)));
  const [low, high] = Math.abs(raw - base) < NEAR ? [base - STEP, base + STEP] : [base, raw];
  return { base: move(base), factor: (move(high) - move(low)) / (high - low) };
}
