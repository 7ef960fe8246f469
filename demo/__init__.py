"""`make demo`: a real data set goes through the engine on schedule, and the result is checked from outside."""
