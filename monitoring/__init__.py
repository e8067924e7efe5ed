"""Monitoring of the served model: drift of the inputs and predictions, and quality on outcomes."""
