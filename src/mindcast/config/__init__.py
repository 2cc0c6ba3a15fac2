"""Settings: YAML and command line in, one frozen typed object out."""
