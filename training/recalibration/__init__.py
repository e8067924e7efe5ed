"""Recalibration: learns the map of the served model anew from outcomes, and publishes it with the same trees."""
