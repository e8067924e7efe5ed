"""Reads what the jobs judge: the prediction log and files."""
