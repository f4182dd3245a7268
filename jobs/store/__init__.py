"""What is durable: run records, the commit, resuming, the latest runs, and the files behind them."""
