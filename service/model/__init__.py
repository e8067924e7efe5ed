"""Prediction with one model, and the choice between champion and challenger."""
