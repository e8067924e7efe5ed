"""Compares champion and challenger by what they predicted of customers, and by what became of those."""
