"""Readers of the prediction log and of files of customers and outcomes."""
