"""Requests for a retraining, one for each drift."""
