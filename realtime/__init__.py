"""The live pipeline: capture → align → flow → spot → narrate, one room per hop."""
