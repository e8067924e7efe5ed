"""Detects drift between the training sample and live rows."""
