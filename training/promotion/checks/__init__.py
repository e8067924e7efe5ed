"""What the gate compares on, and the conditions that it sets."""
