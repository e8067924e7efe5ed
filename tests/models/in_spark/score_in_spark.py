"""Scores a folder in a local Spark session, as docs/score.md shows: SOURCE OUTPUT MODELS_DIR."""

import sys
from functools import partial

from pyspark.sql import SparkSession  # type: ignore[import-not-found]  # it is installed in a folder of its own

from models import batches

source, output, models_dir = sys.argv[1:]
settings = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
spark = SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
customers = spark.read.parquet(source).repartition(3)
scored = customers.mapInArrow(partial(batches.score_all, models_dir=models_dir), batches.for_spark(customers.schema))
scored.write.parquet(output)
spark.stop()
