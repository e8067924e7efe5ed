"""How the service counts the answers of each model beside a canary, and how `advance` reads them."""

CUSTOMER_GROUPS = 32
"""Random groups of customers by which answers and failures are counted: the requests of one customer are alike."""
BOUNDS_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Times by which answers are counted. They are few, because each is a series for each group of customers."""
