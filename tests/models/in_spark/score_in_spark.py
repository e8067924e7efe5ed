"""Scores a folder in a local Spark session, as docs/score.md shows."""

import sys
from functools import partial

from models import batches


def run(source: str, output: str, models_dir: str) -> None:
    """Read, score and write a table in several partitions."""
    from pyspark.sql import SparkSession  # type: ignore[import-not-found]  # noqa: PLC0415  # in a folder of its own

    settings = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    spark = SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
    customers = spark.read.parquet(source).repartition(3)
    score = partial(batches.score_all, models_dir=models_dir)
    customers.mapInArrow(score, batches.for_spark(customers.schema)).write.parquet(output)
    spark.stop()


if __name__ == "__main__":
    run(*sys.argv[1:])
