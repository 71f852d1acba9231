"""Reading foreign archives as if they were hostile: streams in, checked members out, nothing believed and nothing extracted."""
