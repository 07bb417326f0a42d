"""The scheduler: one process over the same turn that a cron line runs."""
