"""The whole loop on one machine: train, serve, send customers, watch them change, see the monitor say so."""
