"""Starts servers, sends load to them and measures them."""
