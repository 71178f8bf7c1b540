//! The client's configuration file: parse, validate, defaults, schema.
