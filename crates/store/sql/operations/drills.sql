select operations.drills()
