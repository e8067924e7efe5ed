"""Step four of a fit: the bundle in the store, and the run in MLflow."""
