"""Computes a logged prediction again, years later, and compares it with what was answered."""
