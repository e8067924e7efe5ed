"""Runs of the jobs, and their records, reports and dashboard entries."""
