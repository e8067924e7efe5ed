"""How a contract changes over time, and how what was made before a change is still read."""
