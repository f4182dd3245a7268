"""The library: tables and arrays in, arrays out; knows nothing of Ray or of the command line."""
