"""What a change of the customers costs, and what a new calibration map would save."""
