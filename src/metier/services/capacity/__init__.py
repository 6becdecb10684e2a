"""What storage, memory and machines an expert takes when it has grown: measured of this expert, then reckoned."""
