"""Readers of the kinds of files that tables of customers come in."""
