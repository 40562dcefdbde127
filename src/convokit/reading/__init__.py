"""What people write, read as numbers, days, times, lengths of time and money, in eight languages."""
