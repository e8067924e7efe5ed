"""Benchmarks: throughput, start-up, other servers, profile, training cost, and cost and error rates of the monitor."""
