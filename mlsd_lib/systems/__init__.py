"""One reference system a file, composed from the steps of the course."""
