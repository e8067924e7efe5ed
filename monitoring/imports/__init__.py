"""Imports outcomes and treatments from files into the prediction log."""
