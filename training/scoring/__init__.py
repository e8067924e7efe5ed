"""Scores a file of customers with the pinned model."""
