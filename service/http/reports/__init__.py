"""Reports of what happened after a prediction: the offer that was made, and the outcome."""
