"""Drift detection between the training sample and live rows."""
