"""Demonstrates the whole loop on one machine: train, serve, send customers, shift them, and detect the drift."""
