"""The log's tables in PostgreSQL are partitioned by week: who makes the partitions, and which there are."""
