"""Shares what the service has between its clients, so that none takes all of it."""
