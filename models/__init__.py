"""Shared by all programs: the customer contract, the store of trained models and the prediction log's tables."""
