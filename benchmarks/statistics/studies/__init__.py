"""The studies, a module each, and what they draw their samples from."""
