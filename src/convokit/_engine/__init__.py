"""One run of a bot: accept, lanes, turns, outbox, timers, clock."""
