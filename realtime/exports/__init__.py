"""What a session gives to other programs and people: tables, subtitles, tiers and a report."""
