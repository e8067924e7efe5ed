"""The dashboard: pages on which a person sees what the jobs found, and decides about each run."""
