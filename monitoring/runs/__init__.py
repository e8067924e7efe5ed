"""What a run of a job leaves behind: record, report, dashboard entry."""
