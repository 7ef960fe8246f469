"""The config API: what people configure, ask for and look at, over HTTP."""
