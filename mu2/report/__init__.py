"""What a run shows: progress, the table, the log of every child, JSON documents."""
