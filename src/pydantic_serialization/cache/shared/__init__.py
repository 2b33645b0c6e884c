"""What every shared tier gets: sealed entries, invalidation over processes, deadlines, a breaker and coalesced reads."""
