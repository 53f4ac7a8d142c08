"""What the differential suite is made of: cases as data, and what carries them through two proxies and compares."""
