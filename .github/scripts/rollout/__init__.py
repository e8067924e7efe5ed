"""Blue/green deployment on one host: start a container, test it, switch clients, watch it, roll back on errors."""
