"""Step four of a fit: writes the bundle to the store, and logs the run to MLflow."""
