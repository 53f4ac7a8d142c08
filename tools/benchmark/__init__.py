"""The side-by-side benchmark: pillion and the proxies people know, in one run. README.md says where to begin."""
