"""The spotter and whole-video methods on long performances whose events are known exactly."""
