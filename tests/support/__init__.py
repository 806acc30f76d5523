"""What the tests share: the firmware in this process, stubs of its board, rewritten copies of it."""
