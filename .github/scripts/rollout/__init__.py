"""Blue/green deployment on one host: start beside what serves, try it, switch, watch, and go back at any doubt."""
