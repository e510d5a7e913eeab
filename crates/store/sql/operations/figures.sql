select operations.figures()
