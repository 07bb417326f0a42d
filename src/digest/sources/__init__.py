"""WORLD → posts: fetch politely, parse, discover."""
