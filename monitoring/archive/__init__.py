"""Exports weeks of the prediction log to Parquet files, which `fit --data` and `drift --live` read."""
