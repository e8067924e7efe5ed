"""Checks live outcomes against what the model's test set promised."""
