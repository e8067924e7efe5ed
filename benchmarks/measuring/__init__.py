"""Starts servers, loads them and takes the measurements."""
