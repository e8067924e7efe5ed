"""Step two of a fit: search, train, calibrate, set the decision thresholds and evaluate."""
